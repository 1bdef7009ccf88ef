-- Where the household shops.
CREATE TABLE grocery_stores (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    name TEXT NOT NULL,
    -- The folded name; the id's text once it was removed, so that the name is free.
    fold TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INTEGER NOT NULL,
    UNIQUE (household_id, fold)
);

-- What kinds of things there are, in an order of the household's.
CREATE TABLE grocery_categories (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    name TEXT NOT NULL,
    -- As of stores.
    fold TEXT NOT NULL,
    -- Where it stands among the others: a fractional index.
    place BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INTEGER NOT NULL,
    UNIQUE (household_id, fold)
);

-- Where a category stands in a store that has an order of its own, and whether it is there at all.
CREATE TABLE grocery_sections (
    store_id BLOB NOT NULL REFERENCES grocery_stores (id),
    category_id BLOB NOT NULL REFERENCES grocery_categories (id),
    -- None: after those that have one, in the household's order.
    place BLOB,
    is_hidden BOOLEAN NOT NULL,
    PRIMARY KEY (store_id, category_id)
);

-- The catalogue: what was ever put on a list, and what is remembered of it.
CREATE TABLE grocery_products (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    name TEXT NOT NULL,
    -- What its name folds to, whether it is forgotten or not; the id's text once another is called so.
    fold TEXT NOT NULL,
    category_id BLOB,
    -- The unit it was last asked for in.
    unit TEXT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INTEGER NOT NULL,
    -- The number of the last event that changed it.
    changed_seq BIGINT NOT NULL,
    UNIQUE (household_id, fold)
);

-- Products that stand elsewhere in a store than their category says.
CREATE TABLE grocery_homes (
    store_id BLOB NOT NULL REFERENCES grocery_stores (id),
    product_id BLOB NOT NULL REFERENCES grocery_products (id),
    category_id BLOB NOT NULL REFERENCES grocery_categories (id),
    PRIMARY KEY (store_id, product_id)
);

-- Shopping lists.
CREATE TABLE grocery_lists (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL REFERENCES households (id),
    name TEXT NOT NULL,
    -- The store whose order it is shown in.
    store_id BLOB,
    assignee_id BLOB,
    is_urgent BOOLEAN NOT NULL,
    created_by BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    version INTEGER NOT NULL
);

-- What was bought together and left its list together.
CREATE TABLE grocery_trips (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL,
    list_id BLOB NOT NULL REFERENCES grocery_lists (id),
    store_id BLOB,
    item_count INTEGER NOT NULL,
    finished_by BLOB NOT NULL,
    finished_at BIGINT NOT NULL,
    undone_at BIGINT,
    -- The items that had not been to be had and were looked for again from then on, as JSON.
    put_back TEXT NOT NULL,
    version INTEGER NOT NULL
);

-- What is on the lists, was bought from them, or was taken off them.
CREATE TABLE grocery_items (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL,
    list_id BLOB NOT NULL REFERENCES grocery_lists (id),
    product_id BLOB NOT NULL REFERENCES grocery_products (id),
    -- Zeros while what is added by its name merges into it, else its own id, as a key does not hold with NULL in it.
    apart BLOB NOT NULL,
    -- Whether it was to be something of its own: nothing is ever added to it.
    is_separate BOOLEAN NOT NULL,
    -- How much of it, by classes of units, as JSON.
    amounts TEXT NOT NULL,
    note TEXT,
    is_urgent BOOLEAN NOT NULL,
    assignee_id BLOB,
    state TEXT NOT NULL,
    -- Whether it is on its list: neither taken off nor gone with a trip.
    is_listed BOOLEAN NOT NULL,
    place BLOB NOT NULL,
    added_by BLOB,
    created_at BIGINT NOT NULL,
    -- When somebody last added to it.
    added_at BIGINT NOT NULL,
    -- Who said that it is in its state, and when, as they say.
    state_by BLOB,
    state_at BIGINT NOT NULL,
    trip_id BLOB,
    version INTEGER NOT NULL,
    -- The number of the last event that changed it.
    changed_seq BIGINT NOT NULL,
    UNIQUE (list_id, product_id, apart)
);

-- What puts itself on a list by a rule.
CREATE TABLE grocery_staples (
    id BLOB NOT NULL PRIMARY KEY,
    household_id BLOB NOT NULL,
    list_id BLOB NOT NULL REFERENCES grocery_lists (id),
    product_id BLOB NOT NULL REFERENCES grocery_products (id),
    -- Zeros while it is in use, else its own id: a product is once a staple of a list.
    apart BLOB NOT NULL,
    amounts TEXT NOT NULL,
    start_on INTEGER NOT NULL,
    rule TEXT NOT NULL,
    -- The local date on which it is added next, and that date's beginning; none once its rule has no further date.
    next_on INTEGER,
    next_at BIGINT,
    created_by BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INTEGER NOT NULL,
    UNIQUE (list_id, product_id, apart)
);

-- What a repeat is told that what was changed cannot say itself, as JSON.
ALTER TABLE idempotency_keys ADD COLUMN memo TEXT;

CREATE INDEX grocery_stores_by_household ON grocery_stores (household_id, id);
CREATE INDEX grocery_lists_by_household ON grocery_lists (household_id, id);
CREATE INDEX grocery_items_listed ON grocery_items (list_id, is_listed, state);
CREATE INDEX grocery_items_changed ON grocery_items (list_id, changed_seq);
CREATE INDEX grocery_items_by_trip ON grocery_items (trip_id, id);
CREATE INDEX grocery_items_by_product ON grocery_items (product_id, state, state_at);
CREATE INDEX grocery_items_bought ON grocery_items (household_id, state, state_at);
CREATE INDEX grocery_products_by_category ON grocery_products (category_id);
CREATE INDEX grocery_products_changed ON grocery_products (household_id, changed_seq);
CREATE INDEX grocery_trips_by_household ON grocery_trips (household_id, id);
CREATE INDEX grocery_trips_by_list ON grocery_trips (list_id, id);
CREATE INDEX grocery_trips_by_store ON grocery_trips (store_id, id);
CREATE INDEX grocery_staples_due ON grocery_staples (next_at);
CREATE INDEX grocery_staples_by_household ON grocery_staples (household_id, id);
CREATE INDEX grocery_sections_by_category ON grocery_sections (category_id);
CREATE INDEX grocery_homes_by_category ON grocery_homes (category_id);
CREATE INDEX grocery_homes_by_product ON grocery_homes (product_id);
