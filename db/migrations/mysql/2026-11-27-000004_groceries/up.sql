-- Where the household shops.
CREATE TABLE grocery_stores (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    name VARCHAR(100) COLLATE utf8mb4_bin NOT NULL,
    -- The folded name; the id's text once it was removed, so that the name is free.
    fold VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INT NOT NULL,
    UNIQUE (household_id, fold),
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What kinds of things there are, in an order of the household's.
CREATE TABLE grocery_categories (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    name VARCHAR(100) COLLATE utf8mb4_bin NOT NULL,
    -- As of stores.
    fold VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    -- Where it stands among the others: a fractional index.
    place VARBINARY(255) NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INT NOT NULL,
    UNIQUE (household_id, fold),
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Where a category stands in a store that has an order of its own, and whether it is there at all.
CREATE TABLE grocery_sections (
    store_id BINARY(16) NOT NULL,
    category_id BINARY(16) NOT NULL,
    -- None: after those that have one, in the household's order.
    place VARBINARY(255),
    is_hidden BOOLEAN NOT NULL,
    PRIMARY KEY (store_id, category_id),
    FOREIGN KEY (store_id) REFERENCES grocery_stores (id),
    FOREIGN KEY (category_id) REFERENCES grocery_categories (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The catalogue: what was ever put on a list, and what is remembered of it.
CREATE TABLE grocery_products (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    name VARCHAR(100) COLLATE utf8mb4_bin NOT NULL,
    -- What its name folds to, whether it is forgotten or not; the id's text once another is called so.
    fold VARCHAR(200) COLLATE utf8mb4_bin NOT NULL,
    category_id BINARY(16),
    -- The unit it was last asked for in.
    unit VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INT NOT NULL,
    -- The number of the last event that changed it.
    changed_seq BIGINT NOT NULL,
    UNIQUE (household_id, fold),
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Products that stand elsewhere in a store than their category says.
CREATE TABLE grocery_homes (
    store_id BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    category_id BINARY(16) NOT NULL,
    PRIMARY KEY (store_id, product_id),
    FOREIGN KEY (store_id) REFERENCES grocery_stores (id),
    FOREIGN KEY (product_id) REFERENCES grocery_products (id),
    FOREIGN KEY (category_id) REFERENCES grocery_categories (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Shopping lists.
CREATE TABLE grocery_lists (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    name VARCHAR(100) COLLATE utf8mb4_bin NOT NULL,
    -- The store whose order it is shown in.
    store_id BINARY(16),
    assignee_id BINARY(16),
    is_urgent BOOLEAN NOT NULL,
    created_by BINARY(16) NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT,
    version INT NOT NULL,
    FOREIGN KEY (household_id) REFERENCES households (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What was bought together and left its list together.
CREATE TABLE grocery_trips (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    list_id BINARY(16) NOT NULL,
    store_id BINARY(16),
    item_count INT NOT NULL,
    finished_by BINARY(16) NOT NULL,
    finished_at BIGINT NOT NULL,
    undone_at BIGINT,
    -- The items that had not been to be had and were looked for again from then on, as JSON.
    put_back TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version INT NOT NULL,
    FOREIGN KEY (list_id) REFERENCES grocery_lists (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What is on the lists, was bought from them, or was taken off them.
CREATE TABLE grocery_items (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    list_id BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    -- Zeros while what is added by its name merges into it, else its own id, as a key does not hold with NULL in it.
    apart BINARY(16) NOT NULL,
    -- Whether it was to be something of its own: nothing is ever added to it.
    is_separate BOOLEAN NOT NULL,
    -- How much of it, by classes of units, as JSON.
    amounts TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    note TEXT COLLATE utf8mb4_bin,
    is_urgent BOOLEAN NOT NULL,
    assignee_id BINARY(16),
    state VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Whether it is on its list: neither taken off nor gone with a trip.
    is_listed BOOLEAN NOT NULL,
    place VARBINARY(255) NOT NULL,
    added_by BINARY(16),
    created_at BIGINT NOT NULL,
    -- When somebody last added to it.
    added_at BIGINT NOT NULL,
    -- Who said that it is in its state, and when, as they say.
    state_by BINARY(16),
    state_at BIGINT NOT NULL,
    trip_id BINARY(16),
    version INT NOT NULL,
    -- The number of the last event that changed it.
    changed_seq BIGINT NOT NULL,
    UNIQUE (list_id, product_id, apart),
    FOREIGN KEY (list_id) REFERENCES grocery_lists (id),
    FOREIGN KEY (product_id) REFERENCES grocery_products (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What puts itself on a list by a rule.
CREATE TABLE grocery_staples (
    id BINARY(16) NOT NULL PRIMARY KEY,
    household_id BINARY(16) NOT NULL,
    list_id BINARY(16) NOT NULL,
    product_id BINARY(16) NOT NULL,
    -- Zeros while it is in use, else its own id: a product is once a staple of a list.
    apart BINARY(16) NOT NULL,
    amounts TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    start_on INT NOT NULL,
    rule VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The local date on which it is added next, and that date's beginning; none once its rule has no further date.
    next_on INT,
    next_at BIGINT,
    created_by BINARY(16) NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    version INT NOT NULL,
    UNIQUE (list_id, product_id, apart),
    FOREIGN KEY (list_id) REFERENCES grocery_lists (id),
    FOREIGN KEY (product_id) REFERENCES grocery_products (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What a repeat is told that what was changed cannot say itself, as JSON.
ALTER TABLE idempotency_keys ADD COLUMN memo MEDIUMTEXT COLLATE utf8mb4_bin;

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
