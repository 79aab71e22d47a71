-- A shop's products, its customers, and the log of what was searched for. `chance(id, n)` is a number in [0, 1) that depends only on the seed,
-- so the same seed gives the same rows on every machine.
CREATE FUNCTION pg_temp.chance(id bigint, n int) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT (hashint8extended(id * 1000 + n, (current_setting('labkit.seed')::numeric * 1000000)::bigint) & 1048575) / 1048576.0
$$;
CREATE FUNCTION pg_temp.pick(words text[], id bigint, n int) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT words[1 + floor(cardinality(words) * pg_temp.chance(id, n))::int]
$$;

CREATE TABLE products (
    id           bigint PRIMARY KEY,
    title        text NOT NULL,
    description  text
);

INSERT INTO products (id, title, description)
SELECT id,
       initcap(pg_temp.pick(material, id, 1)) || ' ' || pg_temp.pick(thing, id, 2) || ' for ' || pg_temp.pick(purpose, id, 3)
           || CASE WHEN pg_temp.chance(id, 4) < 0.3 THEN ', ' || pg_temp.pick(colour, id, 5) ELSE '' END,
       CASE WHEN pg_temp.chance(id, 6) < 0.8 THEN  -- the others were never described
           'A ' || pg_temp.pick(quality, id, 7) || ' choice for ' || pg_temp.pick(purpose, id, 8) || '. Customers who were '
           || pg_temp.pick(doing, id, 9) || ' with it liked the ' || pg_temp.pick(material, id, 10) || ' finish. Goes well with '
           || pg_temp.pick(thing, id, 11) || ' in ' || pg_temp.pick(colour, id, 12) || '. Number ' || 10000 + id || '-'
           || upper(substr(md5(id::text), 1, 6)) || ', made in ' || pg_temp.pick(place, id, 13) || '.' END
FROM generate_series(1, 4000) AS id, (VALUES (
    '{leather,cotton,steel,bamboo,woollen,plastic,ceramic,copper,linen,rubber,wooden,glass,velvet,carbon,titanium,cork}'::text[],
    '{shoes,headphones,backpack,kettle,umbrella,notebook,lantern,keyboard,bottle,jacket,blanket,scissors,bicycle,thermometer,
      hammock,calculator,telescope,saucepan,toothbrush,wheelbarrow,binoculars,corkscrew,microphone,sunglasses,suitcase,teapot,
      mattress,screwdriver,accordion,candlestick,dictionary,stroller,trampoline,xylophone,compass,harmonica}'::text[],
    '{running,travel,children,the kitchen,camping,the office,students,beginners,winter,hiking,swimming,gardeners,musicians,
      painting,climbing,the bathroom,sailing,photographers,baking,cyclists}'::text[],
    '{black,red,green,white,yellow,turquoise,orange,purple,silver}'::text[],
    '{sturdy,light,cheap,beautiful,quiet,waterproof,handmade,compact,classic}'::text[],
    '{running,travelling,cooking,camping,working,studying,hiking,swimming,gardening,painting,climbing,sailing,baking}'::text[],
    '{Porto,Riga,Ghent,Lille,Siena,Turku,Cork,Vienna,Brno}'::text[]
)) AS words (material, thing, purpose, colour, quality, doing, place);

CREATE TABLE customers (
    id       int PRIMARY KEY,
    name     text NOT NULL,
    address  text NOT NULL,
    notes    text NOT NULL
);

INSERT INTO customers (id, name, address, notes)
SELECT id,
       pg_temp.pick(first, id, 1) || ' ' || initcap(pg_temp.pick(start, id, 2) || pg_temp.pick(middle, id, 3) || pg_temp.pick(finish, id, 4)),
       pg_temp.pick(street, id, 5) || ' ' || 1 + floor(200 * pg_temp.chance(id, 6))::int || ', ' || 10000 + floor(80000 * pg_temp.chance(id, 7))::int
           || ' ' || pg_temp.pick(place, id, 8),
       'Key ' || md5(id::text) || ', ' || repeat('delivers to the door, rings twice; ', 5) || 'since ' || 2001 + id % 25
FROM generate_series(1, 6000) AS id, (VALUES (
    '{Anna,Bela,Carla,David,Elena,Felix,Greta,Hugo,Irene,Jonas,Karin,Lukas,Maria,Nils,Olga,Pedro,Rosa,Simon,Teresa,Ursula,Viktor,Wanda}'::text[],
    '{ba,bre,chu,da,dro,fe,fli,ga,gru,ha,ho,ja,ke,kno,la,lo,me,mu,na,no,pa,pre,ra,ro,sche,sa,sti,ta,tro,va,vo,wi,za}'::text[],
    '{ber,cha,den,fri,gel,hin,kel,lan,mar,nic,pol,rit,sen,tal,vin,wer,zol,bur,dow,lus,mon,sto}'::text[],
    '{ski,mann,ov,etti,sen,ez,ault,ic,owa,hardt,inen,ides,bach,elli,kova,stad}'::text[],
    '{Lindenweg,Rue Haute,Calle Mayor,Via Roma,Main Street,Kerkstraat}'::text[],
    '{Porto,Riga,Ghent,Lille,Siena,Turku,Cork,Vienna,Brno}'::text[]
)) AS words (first, start, middle, finish, street, place);

INSERT INTO customers (id, name, address, notes)
SELECT 9000 + n, name, 'Harbour 1', '' FROM unnest('{Agnes Kowalczyk,Brendan Fitzgerald,Otto Brandner,Piet Zuiderveld,Yoko Takahashi}'::text[])
    WITH ORDINALITY AS more (name, n);

-- Each search as it came, for thirty days; nothing is ever changed here.
CREATE TABLE searches (
    at        timestamptz NOT NULL,
    customer  int NOT NULL,
    wanted    text NOT NULL
);

INSERT INTO searches (at, customer, wanted)
SELECT timestamptz '2026-01-01' + (id + pg_temp.chance(id, 1)) * interval '21.6 seconds',
       1 + floor(6000 * pg_temp.chance(id, 2))::int,
       (ARRAY['shoes for running', 'kettle', 'wireles headphnes', 'red umbrella', 'tent', 'gift'])[1 + floor(6 * pg_temp.chance(id, 3))::int]
FROM generate_series(1, 120000) AS id;

CREATE INDEX searches_at ON searches (at);
CREATE INDEX searches_customer ON searches (customer);
