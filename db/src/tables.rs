//! The tables as diesel sees them; `migrations/` makes them. Times are microseconds since 1970 UTC, ids 16 bytes.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    users (id) {
        id -> Binary,
        email -> Text,
        display_name -> Text,
        password_hash -> Text,
        email_verified_at -> Nullable<BigInt>,
        appears_offline -> Bool,
        sends_read_receipts -> Bool,
        locale -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        version -> Integer,
        created_at -> BigInt,
    }
}

table! {
    sessions (id) {
        id -> Binary,
        user_id -> Binary,
        token_hash -> Binary,
        device -> Text,
        ip_prefix -> Text,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    user_tokens (token_hash) {
        token_hash -> Binary,
        user_id -> Binary,
        purpose -> Text,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

table! {
    throttles (bucket) {
        bucket -> Text,
        full_at -> BigInt,
    }
}

table! {
    households (id) {
        id -> Binary,
        name -> Text,
        time_zone -> Text,
        currency -> Text,
        history_visibility -> Text,
        edit_window_minutes -> Nullable<Integer>,
        version -> Integer,
        created_at -> BigInt,
        archived_at -> Nullable<BigInt>,
    }
}

table! {
    household_streams (household_id) {
        household_id -> Binary,
        epoch -> Integer,
        head -> BigInt,
        names -> BigInt,
    }
}

table! {
    household_events (household_id, seq) {
        household_id -> Binary,
        seq -> BigInt,
        kind -> Text,
        actor_id -> Nullable<Binary>,
        subject_id -> Binary,
        subject_version -> Integer,
        fields -> Text,
        audience -> Nullable<Binary>,
        occurred_at -> BigInt,
    }
}

table! {
    members (id) {
        id -> Binary,
        household_id -> Binary,
        user_id -> Binary,
        role -> Text,
        status -> Text,
        is_banned -> Bool,
        joined_seq -> BigInt,
        joined_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    member_periods (member_id, from_seq) {
        member_id -> Binary,
        from_seq -> BigInt,
        to_seq -> Nullable<BigInt>,
    }
}

table! {
    invitations (id) {
        id -> Binary,
        household_id -> Binary,
        role -> Text,
        token_hash -> Binary,
        code_hash -> Binary,
        email -> Nullable<Text>,
        created_by -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
        max_uses -> Integer,
        uses -> Integer,
        revoked_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    conversations (id) {
        id -> Binary,
        household_id -> Binary,
        kind -> Text,
        title -> Nullable<Text>,
        direct_key -> Nullable<Binary>,
        version -> Integer,
        created_at -> BigInt,
    }
}

table! {
    conversation_participants (conversation_id, member_id) {
        conversation_id -> Binary,
        member_id -> Binary,
    }
}

table! {
    conversation_states (member_id, conversation_id) {
        member_id -> Binary,
        conversation_id -> Binary,
        read_seq -> BigInt,
        mute_level -> Text,
    }
}

table! {
    messages (id) {
        id -> Binary,
        household_id -> Binary,
        conversation_id -> Binary,
        seq -> BigInt,
        author_id -> Binary,
        kind -> Text,
        body -> Nullable<Text>,
        reply_to_id -> Nullable<Binary>,
        client_mutation_id -> Nullable<Text>,
        created_at -> BigInt,
        edited_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        deleted_by -> Nullable<Binary>,
        version -> Integer,
    }
}

table! {
    message_revisions (message_id, version) {
        message_id -> Binary,
        version -> Integer,
        body -> Text,
        replaced_at -> BigInt,
    }
}

table! {
    message_mentions (message_id, member_id) {
        message_id -> Binary,
        member_id -> Binary,
        conversation_id -> Binary,
        seq -> BigInt,
    }
}

table! {
    message_reactions (message_id, member_id, emoji) {
        message_id -> Binary,
        member_id -> Binary,
        emoji -> Text,
        created_at -> BigInt,
    }
}

table! {
    idempotency_keys (user_id, operation, client_mutation_id) {
        user_id -> Binary,
        operation -> Text,
        client_mutation_id -> Text,
        input_hash -> Binary,
        subject_id -> Binary,
        seq -> BigInt,
        created_at -> BigInt,
        memo -> Nullable<Text>,
    }
}

table! {
    notifications (id) {
        id -> Binary,
        cause -> Text,
        kind -> Text,
        recipient -> Text,
        payload -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> BigInt,
        leased_until -> BigInt,
        created_at -> BigInt,
        subject_id -> Nullable<Binary>,
        is_shown -> Bool,
        endpoint_id -> Nullable<Binary>,
    }
}

table! {
    notification_endpoints (id) {
        id -> Binary,
        user_id -> Binary,
        channel -> Text,
        url -> Text,
        url_hash -> Binary,
        session_id -> Nullable<Binary>,
        public_key -> Nullable<Binary>,
        secret -> Binary,
        created_at -> BigInt,
        failing_since -> Nullable<BigInt>,
    }
}

table! {
    inboxes (user_id) {
        user_id -> Binary,
        epoch -> Integer,
        head -> BigInt,
        seen_to -> BigInt,
        read_to -> BigInt,
    }
}

table! {
    inbox_entries (id) {
        id -> Binary,
        user_id -> Binary,
        household_id -> Nullable<Binary>,
        member_id -> Nullable<Binary>,
        cause -> Text,
        subject_id -> Binary,
        group_id -> Binary,
        first_seq -> Nullable<BigInt>,
        last_seq -> Nullable<BigInt>,
        actor_id -> Nullable<Binary>,
        count -> Integer,
        arrived_at -> BigInt,
        changed_at -> BigInt,
        is_read -> Bool,
        happened_at -> BigInt,
    }
}

table! {
    announcements (id) {
        id -> Binary,
        household_id -> Binary,
        author_id -> Binary,
        title -> Nullable<Text>,
        body -> Nullable<Text>,
        importance -> Text,
        is_pinned -> Bool,
        requires_ack -> Bool,
        expires_at -> Nullable<BigInt>,
        created_at -> BigInt,
        edited_at -> Nullable<BigInt>,
        removed_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    announcement_acks (announcement_id, member_id) {
        announcement_id -> Binary,
        member_id -> Binary,
        acked_at -> BigInt,
    }
}

table! {
    tasks (id) {
        id -> Binary,
        household_id -> Binary,
        title -> Text,
        notes -> Nullable<Text>,
        weight -> Integer,
        start_on -> Nullable<Integer>,
        due_time -> Nullable<Integer>,
        time_zone -> Text,
        has_household_zone -> Bool,
        rule -> Nullable<Text>,
        overflow -> Text,
        mode -> Text,
        strategy -> Text,
        turn_length -> Integer,
        help -> Text,
        missed_policy -> Text,
        rotation -> Text,
        labels -> Text,
        subtasks -> Text,
        paused -> Text,
        reminders -> Text,
        requires_approval -> Bool,
        opens_before -> Nullable<Integer>,
        first_number -> Nullable<Integer>,
        created_by -> Binary,
        created_at -> BigInt,
        archived_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    occurrences (id) {
        id -> Binary,
        household_id -> Binary,
        task_id -> Binary,
        number -> Integer,
        share -> Binary,
        planned_on -> Nullable<Integer>,
        due_on -> Nullable<Integer>,
        due_time -> Nullable<Integer>,
        due_at -> BigInt,
        acts_at -> Nullable<BigInt>,
        status -> Text,
        assignee_id -> Nullable<Binary>,
        holder_id -> Nullable<Binary>,
        done_by -> Nullable<Binary>,
        done_at -> Nullable<BigInt>,
        closed_by -> Nullable<Binary>,
        closed_at -> Nullable<BigInt>,
        note -> Nullable<Text>,
        reviewed_by -> Nullable<Binary>,
        reviewed_at -> Nullable<BigInt>,
        review_note -> Nullable<Text>,
        ticks -> Text,
        pre_image -> Nullable<Text>,
        version -> Integer,
        weight -> Integer,
    }
}

table! {
    absences (id) {
        id -> Binary,
        household_id -> Binary,
        member_id -> Binary,
        first_on -> Integer,
        last_on -> Integer,
        open_chores -> Text,
        created_at -> BigInt,
        moved -> Nullable<Text>,
        begun_at -> Nullable<BigInt>,
    }
}

table! {
    swaps (id) {
        id -> Binary,
        household_id -> Binary,
        offered_id -> Binary,
        wanted_id -> Binary,
        offered_by -> Binary,
        offered_to -> Binary,
        state -> Text,
        created_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    digests (user_id) {
        user_id -> Binary,
        told_at -> Integer,
        time_zone -> Text,
        next_at -> BigInt,
        last_on -> Nullable<Integer>,
        weekday -> Nullable<SmallInt>,
    }
}

table! {
    notification_choices (user_id, scope_id, channel) {
        user_id -> Binary,
        scope_id -> Binary,
        channel -> Text,
        refused -> Text,
    }
}

table! {
    quiet_hours (user_id) {
        user_id -> Binary,
        from_time -> Integer,
        until_time -> Integer,
        time_zone -> Text,
    }
}

table! {
    grocery_stores (id) {
        id -> Binary,
        household_id -> Binary,
        name -> Text,
        fold -> Text,
        created_at -> BigInt,
        removed_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    grocery_categories (id) {
        id -> Binary,
        household_id -> Binary,
        name -> Text,
        fold -> Text,
        place -> Binary,
        created_at -> BigInt,
        removed_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    grocery_sections (store_id, category_id) {
        store_id -> Binary,
        category_id -> Binary,
        place -> Nullable<Binary>,
        is_hidden -> Bool,
    }
}

table! {
    grocery_products (id) {
        id -> Binary,
        household_id -> Binary,
        name -> Text,
        fold -> Text,
        category_id -> Nullable<Binary>,
        unit -> Nullable<Text>,
        created_at -> BigInt,
        removed_at -> Nullable<BigInt>,
        version -> Integer,
        changed_seq -> BigInt,
    }
}

table! {
    grocery_homes (store_id, product_id) {
        store_id -> Binary,
        product_id -> Binary,
        category_id -> Binary,
    }
}

table! {
    grocery_lists (id) {
        id -> Binary,
        household_id -> Binary,
        name -> Text,
        store_id -> Nullable<Binary>,
        assignee_id -> Nullable<Binary>,
        is_urgent -> Bool,
        created_by -> Binary,
        created_at -> BigInt,
        archived_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

table! {
    grocery_trips (id) {
        id -> Binary,
        household_id -> Binary,
        list_id -> Binary,
        store_id -> Nullable<Binary>,
        item_count -> Integer,
        finished_by -> Binary,
        finished_at -> BigInt,
        undone_at -> Nullable<BigInt>,
        put_back -> Text,
        version -> Integer,
    }
}

table! {
    grocery_items (id) {
        id -> Binary,
        household_id -> Binary,
        list_id -> Binary,
        product_id -> Binary,
        apart -> Binary,
        is_separate -> Bool,
        amounts -> Text,
        note -> Nullable<Text>,
        is_urgent -> Bool,
        assignee_id -> Nullable<Binary>,
        state -> Text,
        is_listed -> Bool,
        place -> Binary,
        added_by -> Nullable<Binary>,
        created_at -> BigInt,
        added_at -> BigInt,
        state_by -> Nullable<Binary>,
        state_at -> BigInt,
        trip_id -> Nullable<Binary>,
        version -> Integer,
        changed_seq -> BigInt,
    }
}

table! {
    grocery_staples (id) {
        id -> Binary,
        household_id -> Binary,
        list_id -> Binary,
        product_id -> Binary,
        apart -> Binary,
        amounts -> Text,
        start_on -> Integer,
        rule -> Text,
        next_on -> Nullable<Integer>,
        next_at -> Nullable<BigInt>,
        created_by -> Binary,
        created_at -> BigInt,
        removed_at -> Nullable<BigInt>,
        version -> Integer,
    }
}

joinable!(sessions -> users (user_id));
joinable!(notification_choices -> users (user_id));
joinable!(notification_endpoints -> sessions (session_id));
joinable!(quiet_hours -> users (user_id));
joinable!(members -> users (user_id));
joinable!(members -> households (household_id));
joinable!(conversations -> households (household_id));
joinable!(messages -> conversations (conversation_id));
joinable!(occurrences -> tasks (task_id));
joinable!(grocery_items -> grocery_products (product_id));
joinable!(grocery_items -> grocery_lists (list_id));
joinable!(grocery_staples -> grocery_products (product_id));
joinable!(grocery_staples -> grocery_lists (list_id));

allow_tables_to_appear_in_same_query!(
    users,
    notification_choices,
    notification_endpoints,
    inboxes,
    inbox_entries,
    announcements,
    announcement_acks,
    quiet_hours,
    sessions,
    households,
    household_streams,
    household_events,
    members,
    member_periods,
    invitations,
    conversations,
    conversation_participants,
    conversation_states,
    messages,
    message_mentions,
    message_reactions,
    message_revisions,
    tasks,
    occurrences,
    absences,
    swaps,
    digests,
    grocery_stores,
    grocery_categories,
    grocery_sections,
    grocery_products,
    grocery_homes,
    grocery_lists,
    grocery_trips,
    grocery_items,
    grocery_staples,
);
