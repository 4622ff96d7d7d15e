//! `NOOP` beside a transfer, every 30 seconds.

use super::script::play;

/// A download with one `NOOP` out.
const OUT: &str = "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> connected\nC: RETR f\nS: 150\n! begin 150\n+ 30s\nC: NOOP\n";

#[test]
fn refused_at_once() {
    // Pure-FTPd.
    play(&format!(
        "{OUT}S: 500 Unknown command\n> ended\nS: 226\n= done 226 via EPSV"
    ));
}

#[test]
fn answered_at_once() {
    play(&format!(
        "{OUT}S: 200\n> ended\nS: 226\n= done 226 via EPSV"
    ));
}

#[test]
fn answered_behind_the_final_reply() {
    // vsftpd, ProFTPD.
    play(&format!(
        "{OUT}> ended\nS: 226 done\n? timer 3s\nS: 200\n= done 226 via EPSV\n? alive"
    ));
    play(&format!(
        "{OUT}> ended\nS: 226 done\\n200 fine\n= done 226 via EPSV\n? alive"
    ));
    play(&format!(
        "{OUT}S: 226 done\\n200 fine\n> ended\n= done 226 via EPSV\n? alive"
    ));
    // Behind the final reply any reply is its own.
    play(&format!(
        "{OUT}> ended\nS: 226 done\n+ 1s\nS: 250 fine\n= done 226 via EPSV\n? alive"
    ));
    play(&format!(
        "{OUT}> ended\nS: 426 no\nS: 200\n= error Aborted 426 maybe\n? alive"
    ));
}

#[test]
fn never_answered() {
    // The success is told; the session cannot go on, as the answer might still come.
    play(&format!(
        "{OUT}> ended\nS: 226 done\n+ 2s\n+ 1s\n= done 226 via EPSV\n? dead\nop SAY NOOP\n= error Lost"
    ));
    play(&format!(
        "{OUT}> broken reset\nS: 426 no\n+ 3s\n= error Aborted 426 maybe\n? dead"
    ));
}

#[test]
fn connection_that_ends_instead_of_an_answer() {
    play(&format!(
        "{OUT}> ended\nS: 226 done\n> eof\n= done 226 via EPSV\n? dead"
    ));
    play(&format!(
        "{OUT}> ended\nS: 226 done\nS: 421 bye\n= done 226 via EPSV\n? dead"
    ));
}

#[test]
fn at_most_one_is_out() {
    play(&format!("{OUT}+ 30s\n+ 300s\nS: 200\n+ 30s\nC: NOOP"));
}

#[test]
fn none_before_the_preliminary_reply_or_behind_the_data() {
    play(
        "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n+ 59s\n> connected\nC: RETR f\n+ 59s\nS: 150\n! begin 150\n> ended\n+ 59s\nS: 226\n= done 226 via EPSV\n+ 90s",
    );
    play(
        "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> connected\nC: RETR f\n> ended\nS: 150\n! begin 150\n+ 59s\nS: 226\n= done 226 via EPSV",
    );
    play(
        "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> connected\nC: RETR f\nS: 150\\n226 done\n! begin 150\n+ 90s\n> ended\n= done 226 via EPSV",
    );
}

#[test]
fn without_one_out_200_and_500_are_final() {
    play(
        "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> connected\nC: RETR f\nS: 150\n! begin 150\n> ended\nS: 200\n= done 200 via EPSV",
    );
    play(
        "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> connected\nC: RETR f\nS: 150\n! begin 150\n> ended\nS: 500\n= error Aborted 500 maybe",
    );
}

#[test]
fn transfer_refused_late_is_not_a_success() {
    // 500 was the transfer's, 200 the keep-alive's.
    play(&format!(
        "{OUT}> ended\nS: 500 oops\nS: 200\n= error Aborted 500 maybe\n? alive"
    ));
    // 200 both times: in whatever order.
    play(&format!(
        "{OUT}> ended\nS: 200 done\nS: 200\n= done 200 via EPSV\n? alive"
    ));
}

#[test]
fn between_servers_too() {
    play(
        "op RETR f third=passive\nC: EPSV\nS: 229 (|||2000|)\n! ready 2000\n> go\nC: RETR f\nS: 150\n! begin 150\n+ 30s\nC: NOOP\nS: 226\nS: 200\n= done 226 via EPSV",
    );
}

// Seen with Pure-FTPd 1.0.50: it has nothing else to say of a download that broke.
#[test]
fn refused_and_then_the_data_breaks() {
    play(&format!(
        "{OUT}S: 500 Unknown command
         > broken reset
         S: 500 1.353 seconds
         = error Aborted 500 maybe
         ? alive"
    ));
}
