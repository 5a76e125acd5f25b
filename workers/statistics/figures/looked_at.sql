-- looked_at: what people did with footage, by the six verbs of the Data Protection Act 2018 s.62
-- Counts:  entries of the custody log of the month about what a person did or decided: looked at a clip (consultation),
--          categorised or attributed it, placed or lifted a hold, had something made from it (alteration), submitted it,
--          opened a link or built a package (disclosure), changed a case (combination), and what was deleted by a rule
--          that a person adopted (erasure). Every recording of the figure "recorded" is one of collection.
-- Unit:    entries
-- Reads:   deeds_at, recordings_at (entries of the custody log)
SELECT '' AS bcu, '' AS borough, 'verb: ' || verb AS measure, count(*) AS number
FROM deeds_at(:size) WHERE at >= :'since' AND at < :'until'
GROUP BY 3
UNION ALL
SELECT '', '', 'verb: collection', count(*)
FROM recordings_at(:size)
WHERE docked_at >= :'since' AND docked_at < :'until' AND kind IS DISTINCT FROM 'event_log'
HAVING count(*) > 0
