-- filmed: stops and uses of force, and whether they were filmed
-- Counts:  encounters that happened in the month, as their newest record at the checkpoint says: filmed by the camera of
--          every officer present, of some of them, of none.
-- Unit:    encounters
-- Reads:   encounters_at (entries encounters.joined of the custody log)
SELECT coalesce(bcu, '') AS bcu, coalesce(borough, '') AS borough,
    kind || CASE WHEN filmed = 0 THEN '_none' WHEN filmed >= officers THEN '_all' ELSE '_some' END AS measure,
    count(*) AS number
FROM encounters_at(:size)
WHERE at >= :'since' AND at < :'until'
GROUP BY 1, 2, 3
