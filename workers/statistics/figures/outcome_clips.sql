-- outcome_clips: the clips behind the figure "outcomes"
-- Counts:  clips in the submissions of that figure; followed by an outcome if a case that they were submitted in was. A
--          clip that went twice is one. Six clips of one case rest on one case, and are withheld with it.
-- Unit:    clips
-- Reads:   submissions_at, items_at, outcomes_at (entries submissions.* and cases.changed of the custody log)
WITH acknowledged AS (
    SELECT submission_id, case_id, (max(at) AT TIME ZONE 'Europe/London')::date AS day
    FROM submissions_at(:size)
    WHERE what = 'sent' AND submission_id IN (
        SELECT submission_id FROM submissions_at(:size) WHERE what = 'acknowledged')
    GROUP BY submission_id, case_id
    HAVING max(at) >= :'since' AND max(at) < :'until'
), items AS (
    SELECT clip_id, case_id, min(day) AS day
    FROM acknowledged JOIN items_at(:size) USING (submission_id)
    WHERE submission_id IN (
        SELECT submission_id FROM submissions_at(:size) WHERE what = 'prepared' AND recipient = 'cps')
    GROUP BY clip_id, case_id
), followed AS (
    SELECT clip_id, case_id, kinds.outcome, EXISTS (
        SELECT FROM outcomes_at(:size) AS told
        WHERE told.case_id = items.case_id AND told.outcome = kinds.outcome AND told.happened >= items.day) AS came
    FROM items CROSS JOIN (VALUES ('charge'), ('plea_guilty'), ('conviction')) AS kinds (outcome)
), clips AS (
    SELECT clip_id, outcome, bool_or(came) AS came, min(case_id) AS case_id FROM followed GROUP BY clip_id, outcome
)
SELECT '' AS bcu, '' AS borough, 'clips' || CASE WHEN came THEN '_' ELSE '_no_' END || outcome AS measure,
    count(*) AS number, count(DISTINCT case_id) AS behind
FROM clips
GROUP BY 3
