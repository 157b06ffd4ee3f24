//! The bugs, by number.

use super::Bug;

macro_rules! bugs {
    ($($number:literal, $word:literal, $what:literal, $breaks:literal;)*) => {
        /// All of them, in the order of their numbers.
        pub const BUGS: &[Bug] = &[
            $(Bug { number: $number, word: $word, what: $what, breaks: $breaks },)*
        ];
    };
}

// The number, a word for it, what it does wrong, and what that breaks: the promise by its name among the
// invariants, then the finding, the seed defect or the incident that it is taken from.
bugs! {
    1, "fills_added", "Totals of fills are added up instead of merged.", "S4; fills told twice";
    2, "end_undone", "An order that has ended lives again when its acceptance comes late.", "S4; L9";
    3, "late_fill_lost", "A fill that comes after the end of its order is ignored.", "S3, S4; A20";
    4, "part_is_all", "An order that is filled in part counts as filled.", "S4; seed defect B3";
    5, "silence_is_refusal", "An order that nobody answered counts as refused.", "S9, S5; finding 4";
    6, "cancel_sent_is_cancelled", "A cancel that was sent counts as done.", "S4, SP1; incident C12";
    7, "cancel_refused_is_end", "A cancel that was refused counts as the end of the order.", "S4, S8";
    8, "accepted_is_flat", "A position counts as closed as soon as its exit is accepted.", "S3, S4; seed defects B10, B20";
    9, "locks_ignored", "Coins that orders lock count as free.", "SP1; incident C8";
    10, "gate_forgets_kill", "The gate does not look at the kill level.", "S14";
    11, "exit_of_first_size", "An exit asks for what was opened, not for what is left.", "S1; R4";
    12, "id_used_again", "Each try of an exit has the id of the first.", "S7; finding 1";
    13, "retry_at_once", "A refused exit is tried again without a pause.", "S15; incident C14";
    14, "exit_gives_up", "After three refusals nobody tries the exit again.", "L3, R4; incident A19";
    15, "stop_gives_up", "After three refusals no stop is placed again.", "L1, L2; seed defect B12";
    16, "dust_for_ever", "A rest that no order can close is tried for ever.", "L10; incident C14";
    17, "no_escalation", "A limit that does not fill never becomes a market order.", "R4; incident C11";
    18, "limits_only_gives_up", "Where market orders are refused the exit ends there.", "R4; F25";
    19, "market_for_ever", "A market order that may only be a limit is sent at the market again and again.", "S15; F25";
    20, "walk_on_the_wrong_side", "Limits in place of market orders lie on the far side of the market.", "R4; incident C11";
    21, "silence_sends_again", "An exit that nobody answered is sent again at once.", "S5; findings 1 and 2, incident B1";
    22, "lost_without_bound", "However many exits nobody answered, another is sent.", "S5";
    23, "stop_goes_before_flat", "The stop is taken away when an exit is decided, not when it is done.", "S10, FU1; seed defect B1";
    24, "stop_goes_before_the_next", "The old stop is taken away before the new one stands.", "S10; incident B11";
    25, "not_found_at_once", "\"Not found\" is believed at once.", "S9; finding 4";
    26, "not_found_soon", "\"Not found\" is believed a second after it was first said.", "S9; finding 3";
    27, "asks_three_times", "The venue is asked three times about a lost order, then never.", "L9; incident A12";
    28, "never_asks", "Nobody asks about an order that was not answered.", "L9";
    29, "cancel_refused_forgotten", "Nobody asks about an order whose cancel was refused.", "S8, L9";
    30, "cancel_once", "A cancel that nobody answered is not sent again.", "S8";
    31, "retry_does_nothing", "The clock of the next try rings, and nothing is sent.", "R4; incident A4";
    32, "leg_tried_once", "A leg that was refused is never offered again.", "L3";
    33, "leg_sold_again", "A leg that was sold is offered again.", "S5; incident B5";
    34, "leg_each_tick", "A leg is taken again at each price beyond its target.", "S5; incidents B3, B5";
    35, "plan_resets_legs", "Another plan forgets which legs were sold.", "S5; incident B6";
    36, "ratchet_off_by_one", "The stop follows one leg late.", "S11";
    37, "break_even_below_entry", "The stop at break-even lies on the losing side of the entry.", "S11; incident A25";
    38, "ratchet_loosens", "The ratchet moves the stop wherever it wants.", "S11";
    39, "add_loosens", "More of a position makes its stop looser.", "S11; incident A29";
    40, "add_not_covered", "What was added is not covered by the stop.", "L1; incident A20";
    41, "last_price_is_entry", "The entry of a position is the price that was paid last.", "S12; incident E1";
    42, "added_stays", "What comes while an exit is under way is not closed with it.", "R4";
    43, "plan_loosens", "Another plan makes the stop looser.", "S11";
    44, "command_loosens", "A command may make a stop looser.", "S11";
    45, "move_unwritten", "A stop is moved, and it is not written down.", "R1, S3; incident A31";
    46, "stop_through_market", "A stop may be moved through the market.", "S10; seed defect B14";
    47, "limit_outlives", "The time limit of an earlier life closes the next one.", "S6; seed defect B4";
    48, "key_without_side", "What a read found of the long position counts for the short one.", "FU3; seed defect B6, incident B2";
    49, "old_signal_acts", "A signal that came too late is acted upon.", "S6; incidents B1, D8";
    50, "choice_when_stopped", "Exits of choice are decided when somebody has stopped them.", "S14, A1; incident A11";
    51, "time_from_now", "The time limit begins anew with each plan, and halves.", "A1";
    52, "snapshot_without_timers", "A snapshot has no clocks.", "R1";
    53, "snapshot_without_orders", "A snapshot has no orders.", "R1; seed defect B5";
    54, "snapshot_without_kills", "A kill level is forgotten by a restart.", "S14, R1";
    55, "snapshot_without_extremes", "The best price of a trailing stop is forgotten by a restart.", "R1, S11; incident A31";
    56, "snapshot_without_accounts", "What is managed of an account is forgotten by a restart.", "R1";
    57, "snapshot_without_doubts", "Which prices are doubted is forgotten by a restart.", "R1";
    58, "lives_numbered_again", "After a restart lives are numbered from one again.", "S6, S7; seed defect B4";
    59, "stretch_counted_twice", "What recovery has read is written down again.", "R1";
    60, "waits_for_no_coins", "An order for coins that are locked is sent, not kept.", "SP1; incident C8";
    61, "stop_locks_nothing", "Coins that the stop locks count as free.", "SP1; incident C8";
    62, "waiting_forgotten", "An exit that waits for coins is forgotten when they come.", "R4; incident C8";
    63, "stop_for_sold_coins", "A stop covers coins that another order is selling.", "L1, SP1";
    64, "foreign_locks_ignored", "Coins that orders of others lock count as free.", "SP1; incident C10";
    65, "waits_without_cancel", "An exit waits for coins, and nothing that locks them is cancelled.", "R4; incident A17";
    66, "targets_before_stop", "Coins wait at targets, and the stop has none left.", "L1; incident A17";
    67, "adopted_bare", "A position that was found gets no stop.", "L1; incident A2";
    68, "stop_of_first_size", "A stop covers what was opened, not what is held.", "L1, S1";
    69, "stop_not_resized", "A stop keeps its size when a part of the position is sold.", "L1, S1";
    70, "stop_beside_stop", "A stop is placed although one stands.", "L1, S15; incidents B11, C5";
    71, "refusal_is_passed", "A stop that is refused counts as one that the market has passed.", "A1; incident C5";
    72, "refused_stop_stays_away", "A stop that was refused is not placed again.", "L1, L2";
    73, "stale_list_relied_on", "Exits are left to a stop that nobody has seen for long.", "S10; finding 6, incident A22";
    74, "small_stop_relied_on", "Exits are left to a stop that covers less than is held.", "S10; incident A22";
    75, "trigger_not_watched", "A stop that was triggered and does nothing is not watched.", "L3; finding 6";
    76, "emergency_left_to_stop", "The emergency stop is left to the venue.", "L3; incident A14";
    77, "lost_stop_not_replaced", "Nothing takes the place of a stop that nobody answered.", "L1";
    78, "stop_of_long", "The stop of a short lies where that of a long would.", "S10; incident A25, seed defect B13";
    79, "target_of_long", "The target of a short lies where that of a long would.", "A1; incident A25";
    80, "share_is_percent", "A share of the stop is read as a percentage.", "A1; incidents A26, A28";
    81, "trail_of_long", "The trailing stop of a short lies below its best price.", "A1";
    82, "loss_of_long", "The loss of a short is measured as if it were a long.", "A1; seed defect B13";
    83, "leg_of_the_whole", "A leg sells its part of what was opened, not of what is left.", "S5";
    84, "size_rounded_up", "Quantities are rounded up to the next lot.", "S1, S12; incident C9";
    85, "best_is_last", "The best price of a trailing stop is the last one.", "A1, S11";
    86, "trails_from_the_start", "A trailing stop acts before it is activated.", "A1";
    87, "stop_from_signal_price", "The stop is measured from the price of the moment, not from the entry.", "A1; incident A29";
    88, "cancels_in_silence", "Orders are cancelled while nothing may be sent.", "S14";
    89, "release_sets_nothing_right", "After a silence nothing is made up for.", "L1, R4; incident A11";
    90, "panic_takes_one", "Panic closes the first position of an account only.", "L3; incident A12";
    91, "flatten_does_not", "The kill level that closes everything closes nothing.", "L3, S14";
    92, "kill_blocks_stops", "A level that stops choices stops the stops too.", "L1; incidents A10, A11";
    93, "error_is_flat", "A read that failed says that nothing is held.", "S3, S9; seed defect B2, incident D1";
    94, "gone_at_once", "What one read does not show is gone.", "S3, S9; incident D1";
    95, "old_read_believed", "A read that is older than a fill is believed.", "S3; finding 4, incident D1";
    96, "ghosts_stay", "A position that is gone at the venue stays.", "S3, S8; seed defect B7, incident D1";
    97, "wallet_is_ours", "Coins that somebody else put into the wallet are taken for ours.", "SP2; incident B14";
    98, "foreign_cancelled", "Orders of others are cancelled as if they were ours.", "S8; finding 5";
    99, "released_adopted", "A position that was let go is taken over again.", "S6";
    100, "told_late_counts_twice", "A trade that a read has taken out already is taken out again.", "S3, S4";
    101, "fill_leaves_no_mark", "A fill does not make earlier reads old.", "S3";
    102, "hand_told_twice", "A close by hand that is told twice counts twice.", "S3, S4";
    103, "answers_not_waited_for", "What left is put down to a person while our own order may have sold it.", "S4";
    104, "failed_list_is_empty", "A list that failed says that nothing rests.", "S9, L1; seed defect B2";
    105, "old_list_believed", "An order that is newer than a list is missing in it.", "S9";
    106, "strays_stay", "What rests and serves nobody stays.", "S8; incident A17";
    107, "missing_stop_waits", "A stop that is missing in a list is not replaced.", "L1";
    108, "strays_are_everything", "Every order that waits for its answer counts as one that serves nobody.", "S10, L1";
    109, "edit_ignored", "A stop that somebody made smaller counts as whole.", "L1; incident A22";
    110, "told_once", "Somebody is told once that an exit hangs, and never again.", "L4; incident A4";
    111, "one_read", "The venue is read once.", "L6, S3; seed defect B11";
    112, "part_ends_exit", "An exit counts as over when a part of it is filled.", "R4, S4; incident B12";
    113, "one_piece", "An exit that is larger than the venue takes at once is sent in one piece.", "R4";
    114, "stop_outlives", "When a position is flat its stop stays.", "S8; incident A17";
    115, "zero_is_a_price", "A price of zero is taken.", "S13; seed defect B20, incident A6";
    116, "level_told_as_price", "An exit is written down at its level, not at the price that was seen.", "A1, S13";
    117, "stop_of_the_other_side", "A stop acts when the market is better than its level.", "A1";
    118, "end_written_wrong", "The journal says \"cancelled\" of every order that ended.", "R1";
    119, "sent_unwritten", "An order is sent, and its intent is not written down.", "R2; seed defect B9";
    120, "remaining_before_fill", "A fill is written down with what was held before it.", "S3; incident B12";
    121, "replay_skips_clocks", "Recovery does not let clocks ring.", "R1";
    122, "replay_hears_silence", "Recovery finds silences of its own.", "R1";
    123, "snapshot_off_by_one", "The first record behind a snapshot is skipped.", "R1";
    124, "fill_priced_at_zero", "A fill is written down without its price.", "S13; seed defect B20, incident A6";
    125, "input_written_after", "What happened is written down after what came of it.", "R1, R2; seed defect B9";
    126, "exit_without_reason", "An exit whose cause is not looked up counts as one by hand.", "A1; seed defect B15, incident E9";
    127, "open_order_skips_stop", "While a target rests the stop is not looked at.", "L3; incidents A17, A18";
    128, "short_takes_no_profit", "A short never takes its profit.", "L3; seed defect B13";
    129, "found_fees_twice", "What is found of an order counts the fees that were told already.", "S4";
}
