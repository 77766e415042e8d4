//! The contract of each port: facts that hold for every implementation. An implementation brings a fixture
//! and runs a suite:
//!
//! ```ignore
//! mod records {
//!     longhaul::store::contract::records_contract!(Fixture::new());
//! }
//! ```
//! Each fact becomes a test of its own, on a fixture of its own. [`model`] adds random sequences of changes.
//! Outside of this crate, that takes its feature `contract` and a dependency on tokio for
//! `#[tokio::test]`; `tests/contract.rs` is an example.

#![allow(missing_docs, reason = "the name of a fact says what holds")]

pub mod announcements;
pub mod claims;
pub mod commits;
pub mod creation;
pub mod fencing;
pub mod joining;
pub mod leases;
pub mod ledger;
pub mod listings;
pub mod memberships;
pub mod model;
pub mod nodes;
pub mod payloads;
pub mod placing;
pub mod reading;
pub mod samples;
pub mod states;
pub mod sums;

use std::sync::Arc;

use super::{Duties, Hints, Leases, Memberships, Messages, Payloads, Records, StoreError};

/// An empty store of records, messages and memberships.
pub trait DatabaseFixture: Send {
    fn records(&self) -> Arc<dyn Records>;
    /// The messages, of the same database as the records.
    fn messages(&self) -> Arc<dyn Messages>;
    fn memberships(&self) -> Arc<dyn Memberships>;

    /// Closes the store and opens it again, as after a restart. All handles from before are gone by then.
    fn reopen(&mut self);
}

/// A fixture that can be had several times on one store.
pub trait SharedFixture: DatabaseFixture {
    /// Another node on the same store.
    fn second(&self) -> Self;
}

/// Nodes that share empty stores.
pub trait NodesFixture: Send {
    fn records(&self) -> Arc<dyn Records>;
    fn messages(&self) -> Arc<dyn Messages>;
    fn payloads(&self) -> Arc<dyn Payloads>;
    fn leases(&self) -> Arc<dyn Leases>;
    fn duties(&self) -> Arc<dyn Duties>;
    fn hints(&self) -> Arc<dyn Hints>;

    /// Another node that shares them.
    fn second(&self) -> Self;

    /// Stops this node: it is told nothing any more, renews nothing, and may continue later where it was.
    fn stop(&self);
}

/// An empty store of bytes.
pub trait PayloadsFixture: Send {
    fn payloads(&self) -> Arc<dyn Payloads>;

    /// Closes the store and opens it again, as after a restart.
    fn reopen(&mut self);
}

/// Makes each fact a test.
#[doc(hidden)]
#[macro_export]
macro_rules! facts {
    ($fixture:expr, $($module:ident::$fact:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $fact() {
                $crate::store::contract::$module::$fact($fixture).await;
            }
        )*
    };
}

/// Facts of [`Records`].
#[macro_export]
macro_rules! records_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            creation::what_was_created_is_found_as_it_was,
            creation::the_largest_upload_is_found_as_it_was,
            creation::a_part_and_a_final_upload_are_found_as_they_were,
            creation::what_was_not_created_is_not_found,
            creation::creating_it_twice_is_creating_it_once,
            creation::another_upload_with_the_same_id_is_a_conflict,
            creation::bytes_that_came_with_a_creation_are_in_the_ledger,
            creation::a_client_message_id_belongs_to_its_first_holder,
            creation::a_client_message_id_counts_per_sender_and_conversation,
            creation::whoever_has_all_bytes_overtakes_an_unclaimed_holder,
            creation::a_holder_with_a_claimed_message_is_not_overtaken,
            creation::the_holder_of_a_client_message_id_is_known,
            creation::an_upload_beside_the_holder_leaves_it_the_client_message_id,
            creation::a_binding_takes_the_client_message_id,
            creation::a_binding_of_a_taken_client_message_id_changes_nothing,
            creation::only_an_unbound_upload_that_may_become_a_message_is_bound,
            fencing::a_late_row_of_an_older_epoch_is_fenced,
            fencing::a_displaced_holder_ends_nothing,
            fencing::an_epoch_outlives_a_restart,
            fencing::an_epoch_changes_nothing_else,
            fencing::what_needs_no_holder_is_fenced_by_nothing,
            ledger::a_row_moves_the_offset,
            ledger::a_row_that_starts_elsewhere_is_a_conflict,
            ledger::a_row_can_declare_the_length_without_a_byte,
            ledger::a_row_of_no_bytes_is_activity,
            ledger::the_last_row_completes_the_upload,
            ledger::nothing_is_appended_unless_receiving,
            ledger::a_long_ledger_is_dropped_with_its_upload,
            ledger::a_long_ledger_ends_in_its_message,
            ledger::of_two_rows_at_the_same_offset_one_is_kept,
            states::a_state_changes_from_the_one_that_is_stored,
            states::a_rejected_upload_is_kept_with_its_client_message_id,
            states::an_expired_upload_is_kept_without_its_client_message_id,
            states::an_overtaken_upload_gives_nothing_free,
            states::what_is_owed_a_message_does_not_expire,
            states::removing_frees_the_client_message_id,
            states::a_removed_upload_leaves_no_bytes_to_its_successor,
            states::a_finalizing_upload_is_not_removed,
            states::a_claimed_upload_whose_bytes_are_lost_is_rejected_as_any_other,
            states::a_claim_that_is_taken_back_leaves_the_message_to_another_upload,
            states::removing_a_committed_upload_leaves_its_message,
            listings::the_newest_unfinished_upload_comes_first,
            listings::every_upload_that_is_not_committed_is_unfinished,
            listings::what_is_owed_a_message_is_listed_in_order,
            listings::an_upload_is_owed_until_its_message_stands,
            listings::a_final_upload_is_driven_until_it_is_whole,
            listings::a_part_is_listed_until_an_upload_is_made_of_it,
            listings::an_upload_is_idle_after_its_last_byte,
            listings::the_idle_are_found_among_many_that_are_not,
            listings::only_what_may_expire_is_idle,
            listings::the_committed_are_listed_from_the_earliest_on,
            sums::the_sums_follow_an_upload_to_its_message,
            sums::an_upload_without_a_length_counts_with_the_bytes_that_came,
            sums::what_came_to_nothing_is_in_no_sum,
            sums::a_part_is_in_no_sum_once_an_upload_is_made_of_it,
            sums::a_creation_is_measured_by_what_its_owner_holds,
            sums::what_is_stored_or_taken_already_is_not_measured,
            sums::of_many_creations_at_once_those_within_the_quota_are_stored,
        );
    };
}

/// Facts of [`Messages`].
#[macro_export]
macro_rules! messages_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            claims::a_claim_is_kept_and_repeated,
            claims::only_a_complete_bound_upload_is_claimed,
            claims::stamps_only_grow_within_a_conversation,
            claims::a_claim_may_go_along,
            claims::a_claim_that_is_refused_leaves_what_it_went_along_with,
            claims::the_first_claim_has_the_message,
            claims::an_overtaken_upload_may_still_claim_first,
            claims::a_claimed_message_is_taken_for_ever,
            claims::without_a_client_message_id_every_upload_is_its_own_message,
            claims::of_many_claims_at_once_one_has_the_message,
            claims::of_two_nodes_that_claim_one_has_the_message,
            commits::a_commit_changes_everything_at_once,
            commits::the_largest_message_is_found_as_it_was,
            commits::committing_twice_is_committing_once,
            commits::only_the_claimed_message_is_committed,
            commits::an_upload_adopts_the_message_of_another,
            reading::what_was_not_committed_is_not_found,
            reading::a_page_goes_from_the_newest_to_older_ones,
            reading::what_is_committed_later_is_newer,
            reading::a_page_is_of_one_conversation,
            reading::the_outbox_goes_from_the_oldest_to_newer_ones,
            reading::published_messages_leave_the_outbox,
            reading::a_client_message_id_leads_to_its_message,
        );
    };
}

/// Facts of [`Memberships`].
#[macro_export]
macro_rules! memberships_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            memberships::a_conversation_is_made_and_then_changed,
            memberships::participants_are_replaced,
            memberships::each_participant_counts_once,
            memberships::a_conversation_without_participants_exists,
            memberships::a_users_conversations_are_listed_in_order,
            memberships::conversations_know_nothing_of_each_other,
        );
    };
}

/// Facts of [`Payloads`].
#[macro_export]
macro_rules! payloads_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            payloads::what_was_appended_is_read,
            payloads::any_range_is_read,
            payloads::appending_goes_on_after_a_restart,
            payloads::bytes_beyond_the_ledger_are_cut_off,
            payloads::fewer_bytes_than_the_ledger_says_are_damage,
            payloads::nothing_is_appended_by_an_empty_write,
            payloads::uploads_know_nothing_of_each_other,
            payloads::discarding_frees_the_bytes,
            payloads::a_discarded_upload_begins_anew,
            payloads::reading_beyond_the_end_fails,
            payloads::sealing_twice_is_sealing_once,
            payloads::parts_are_listed_in_pages,
            payloads::there_is_room,
            joining::parts_are_copied_behind_each_other,
            joining::what_a_crash_left_of_a_copy_is_cut_off,
            joining::an_adopted_part_keeps_its_bytes,
            joining::a_part_is_joined_to_several_uploads,
            joining::fewer_bytes_than_a_part_should_have_are_not_joined,
            placing::placed_bytes_are_read_at_their_place,
            placing::placing_twice_is_placing_once,
            placing::a_sealed_upload_is_placed,
            placing::a_file_of_no_bytes_is_placed,
            placing::bytes_beyond_the_length_are_not_placed,
            placing::too_few_bytes_are_not_placed,
            placing::what_is_given_up_is_placed_by_nobody,
            placing::what_was_placed_is_not_given_up,
            placing::discarding_leaves_what_was_placed,
            placing::a_placed_upload_is_no_part,
            placing::appending_anew_leaves_what_was_placed,
        );
    };
}

/// Facts of [`Leases`], wherever their holders are.
#[macro_export]
macro_rules! leases_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            leases::a_newcomer_displaces_the_holder_and_follows_it,
            leases::the_newest_displaces_those_that_wait_and_they_give_way_at_once,
            leases::uploads_do_not_wait_for_each_other,
            leases::the_holder_learns_what_the_first_newcomer_wants,
            leases::what_nobody_holds_is_not_taken_from_a_holder,
        );
    };
}

/// Facts of several nodes that share leases, records and bytes.
#[macro_export]
macro_rules! nodes_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            nodes::a_holder_on_another_node_keeps_what_came_and_lets_go,
            nodes::a_lease_that_is_not_renewed_is_taken,
            nodes::a_node_that_leaves_keeps_nothing,
            nodes::a_newcomer_at_the_recorded_offset_waits_for_no_other_node,
            nodes::an_upload_is_idle_if_no_node_holds_it,
            nodes::bytes_of_an_older_epoch_are_never_read,
            nodes::a_part_under_way_elsewhere_is_no_orphan,
            nodes::a_message_is_left_to_the_node_that_commits_it,
            nodes::a_duty_is_one_nodes_until_that_is_gone,
            nodes::an_upload_that_one_node_completes_is_heard_of_by_others,
        );
    };
}

/// Facts of [`Announcements`](crate::store::Announcements).
#[macro_export]
macro_rules! announcements_contract {
    ($fixture:expr) => {
        $crate::facts!(
            $fixture,
            announcements::every_kind_arrives,
            announcements::only_those_addressed_hear,
            announcements::every_connection_hears_once,
            announcements::announcements_arrive_in_order,
            announcements::nobody_needs_to_be_connected,
            announcements::what_was_left_is_heard_by_each_who_comes_until_it_is_let_go,
        );
    };
}

pub use {
    announcements_contract, facts, leases_contract, memberships_contract, messages_contract, nodes_contract,
    payloads_contract, records_contract,
};

/// Whether another request was there first.
pub fn is_conflict<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Conflict(_)))
}

/// Whether a newer holder was there first.
pub fn is_fenced<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Fenced))
}

/// Whether stored data was found damaged.
pub fn is_damaged<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Damaged(_)))
}
