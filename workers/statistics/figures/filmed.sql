-- filmed: stops and uses of force, and whether they were filmed
-- Counts:  encounters that happened in the month, as their newest record at the checkpoint says: filmed by the camera of
--          every officer present, of some of them, of none. The area is the record's; one that is not in the file of areas
--          is not known, so that nothing that somebody typed there is published.
-- Unit:    encounters
-- Reads:   encounters_at (entries encounters.joined of the custody log), areas (which areas there are)
WITH boroughs AS (
    SELECT borough, min(bcu) AS bcu FROM areas GROUP BY borough
), bcus AS (
    SELECT DISTINCT bcu FROM areas
)
SELECT coalesce(boroughs.bcu, bcus.bcu, '') AS bcu, coalesce(boroughs.borough, '') AS borough,
    kind || CASE WHEN filmed = 0 THEN '_none' WHEN filmed >= officers THEN '_all' ELSE '_some' END AS measure,
    count(*) AS number
FROM encounters_at(:size) AS one
    LEFT JOIN boroughs ON boroughs.borough = one.borough LEFT JOIN bcus ON bcus.bcu = one.bcu
WHERE at >= :'since' AND at < :'until'
GROUP BY 1, 2, 3
