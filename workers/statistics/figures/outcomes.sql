-- outcomes: what submitted footage was followed by
-- Counts:  cases with a submission to the CPS that was sent in the month and acknowledged, item by item. Followed by: an
--          outcome of that kind in the same case, on the day of the first of these submissions or later, recorded by the
--          checkpoint and not taken back. "Followed by" is not "led to". Beside them: cases that told the CPS that
--          nothing was recorded, and sent no footage in the month.
-- Unit:    cases
-- Reads:   submissions_at, items_at, outcomes_at (entries submissions.* and cases.changed of the custody log)
WITH acknowledged AS (
    SELECT submission_id, case_id, (max(at) AT TIME ZONE 'Europe/London')::date AS day
    FROM submissions_at(:size)
    WHERE what = 'sent' AND submission_id IN (
        SELECT submission_id FROM submissions_at(:size) WHERE what = 'acknowledged')
    GROUP BY submission_id, case_id
    HAVING max(at) >= :'since' AND max(at) < :'until'
), sent AS (
    SELECT DISTINCT submission_id, case_id, day, footage FROM acknowledged JOIN submissions_at(:size) AS prepared
        USING (submission_id, case_id)
    WHERE prepared.what = 'prepared' AND recipient = 'cps'
), cases AS (
    SELECT case_id, min(day) AS day, bool_or(EXISTS (
        SELECT FROM items_at(:size) AS item WHERE item.submission_id = sent.submission_id)) AS with_footage,
        bool_or(footage = 'not_recorded') AS said_none
    FROM sent GROUP BY case_id
), followed AS (
    SELECT case_id, CASE WHEN with_footage THEN 'footage' ELSE 'none' END AS footage, kinds.outcome, EXISTS (
        SELECT FROM outcomes_at(:size) AS told
        WHERE told.case_id = cases.case_id AND told.outcome = kinds.outcome AND told.happened >= cases.day) AS came
    FROM cases CROSS JOIN (VALUES ('charge'), ('plea_guilty'), ('conviction')) AS kinds (outcome)
    WHERE with_footage OR said_none
)
SELECT '' AS bcu, '' AS borough, footage || CASE WHEN came THEN '_' ELSE '_no_' END || outcome AS measure,
    count(*) AS number
FROM followed
GROUP BY 3
