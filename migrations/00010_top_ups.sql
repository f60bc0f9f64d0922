-- +goose Up

-- A top-up is a decision about credits. One with lapses_at needs a second
-- signature; awaiting_since says that its case knows and waits for it. A bulk
-- top-up concerns many accounts, so it names none: top_up_rows does.
ALTER TABLE decisions
    ALTER COLUMN account_id DROP NOT NULL,
    ADD COLUMN amount            bigint,
    ADD COLUMN lapses_at         timestamptz,
    ADD COLUMN awaiting_since    timestamptz,
    ADD COLUMN signature         text CHECK (signature IN ('countersign', 'decline')),
    ADD COLUMN signed_by         uuid REFERENCES staff,
    ADD COLUMN signed_at         timestamptz,
    ADD COLUMN signature_note    text NOT NULL DEFAULT '',
    ADD CONSTRAINT decisions_amount CHECK ((kind = 'top_up') = (amount IS NOT NULL)),
    ADD CONSTRAINT decisions_subject CHECK (account_id IS NOT NULL OR kind = 'top_up'),
    ADD CONSTRAINT decisions_signature CHECK ((signature IS NULL) = (signed_by IS NULL) AND (signature IS NULL) = (signed_at IS NULL)),
    -- Nobody signs their own.
    ADD CONSTRAINT decisions_two_people CHECK (signature <> 'countersign' OR signed_by <> staff_id);
CREATE INDEX decisions_top_ups ON decisions (requested_at DESC, id DESC) WHERE kind = 'top_up';
