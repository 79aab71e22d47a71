-- Rows that the learner's own data has not: two cancelled ones over each other and over a stay without end, a day visit on a day
-- of change, a cancelled stay without end, one of a single night between two others.
INSERT INTO bookings (flat_id, guest, arrives, leaves, status, note) VALUES
    (18, 'cancelled in a let flat', '2028-03-01', '2028-03-08', 'cancelled', NULL),
    (18, 'cancelled twice',         '2028-03-01', '2028-03-08', 'cancelled', NULL),
    (3,  'never came, never ended', '2025-02-01', NULL,         'cancelled', NULL),
    (3,  'left side',               '2028-05-01', '2028-05-08', 'confirmed', NULL),
    (3,  'one night',               '2028-05-08', '2028-05-09', 'held',      NULL),
    (3,  'right side',              '2028-05-09', '2028-05-20', 'confirmed', NULL),
    (3,  'for the day of change',   '2028-05-08', '2028-05-08', 'confirmed', 'day visit');
