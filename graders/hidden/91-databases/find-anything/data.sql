-- Fewer products and customers, so that grading is quick, and shapes that the learner's own data has not: a word that stands often
-- in a description, a product without a description that has all the words, words of which one is in the title and one below.
DELETE FROM products WHERE id > 2500;
INSERT INTO products (id, title, description) VALUES
    (20001, 'Violin stand', 'An umbrella stand? No. Whoever needs umbrellas, or an umbrella stand, finds umbrellas elsewhere.'),
    (20002, 'Umbrella', NULL),
    (20003, 'Didgeridoo, hand-painted', 'Comes with a bag for travelling'),
    (20004, 'Bag for a didgeridoo', ''),
    (20005, 'Didgeridoos', 'Two of them, in bags. Bags are black.'),
    (20006, 'Handbag', 'Holds no didgeridoo');
INSERT INTO customers (id, name, address, notes) VALUES
    (20001, 'Nadia Quintavalle', 'Quay 1', ''), (20002, 'Colette Dreyfuss', 'Quay 2', ''), (20003, 'Ilse Bratschko', 'Quay 3', ''),
    (20004, 'Uwe Zylinski', 'Quay 4', '');
