-- What was said, in every room. A message has the id that its client gave it.
CREATE TABLE messages (
    seq  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id   text NOT NULL UNIQUE,
    room text NOT NULL,
    text text NOT NULL
);
