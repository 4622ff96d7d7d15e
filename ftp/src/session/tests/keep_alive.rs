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
        "{OUT}> ended
         S: 226 done
         ? timer 3s
         S: 200
         = done 226 via EPSV
         ? alive"
    ));
    play(&format!(
        "{OUT}> ended\nS: 226 done\\n200 fine\n= done 226 via EPSV\n? alive"
    ));
    play(&format!(
        "{OUT}S: 226 done\\n200 fine\n> ended\n= done 226 via EPSV\n? alive"
    ));
    // Behind the final reply any reply is its own.
    play(&format!(
        "{OUT}> ended
         S: 226 done
         + 1s
         S: 250 fine
         = done 226 via EPSV
         ? alive"
    ));
    play(&format!(
        "{OUT}> ended\nS: 426 no\nS: 200\n= error Aborted 426 maybe\n? alive"
    ));
}

#[test]
fn never_answered() {
    // The success is told; the session cannot go on, as the answer might still come.
    play(&format!(
        "{OUT}> ended
         S: 226 done
         + 2s
         + 1s
         = done 226 via EPSV
         ? dead
         op SAY NOOP
         = error Lost"
    ));
    play(&format!(
        "{OUT}> broken reset
         S: 426 no
         + 3s
         = error Aborted 426 maybe
         ? dead"
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
        "op RETR f
         C: EPSV
         S: 229 (|||2000|)
         ! connect 2000
         + 59s
         > connected
         C: RETR f
         + 59s
         S: 150
         ! begin 150
         > ended
         + 59s
         S: 226
         = done 226 via EPSV
         + 90s",
    );
    play(
        "op RETR f
         C: EPSV
         S: 229 (|||2000|)
         ! connect 2000
         > connected
         C: RETR f
         > ended
         S: 150
         ! begin 150
         + 59s
         S: 226
         = done 226 via EPSV",
    );
    play(
        "op RETR f
         C: EPSV
         S: 229 (|||2000|)
         ! connect 2000
         > connected
         C: RETR f
         S: 150\\n226 done
         ! begin 150
         + 90s
         > ended
         = done 226 via EPSV",
    );
}

#[test]
fn without_one_out_200_and_500_are_final() {
    play(
        "op RETR f
         C: EPSV
         S: 229 (|||2000|)
         ! connect 2000
         > connected
         C: RETR f
         S: 150
         ! begin 150
         > ended
         S: 200
         = done 200 via EPSV",
    );
    play(
        "op RETR f
         C: EPSV
         S: 229 (|||2000|)
         ! connect 2000
         > connected
         C: RETR f
         S: 150
         ! begin 150
         > ended
         S: 500
         = error Aborted 500 maybe",
    );
}

#[test]
fn transfer_refused_late_is_not_a_success() {
    // 500 was the transfer's, 200 the keep-alive's.
    play(&format!(
        "{OUT}> ended
         S: 500 oops
         S: 200
         = error Aborted 500 maybe
         ? alive"
    ));
    // 200 both times: in whatever order.
    play(&format!(
        "{OUT}> ended\nS: 200 done\nS: 200\n= done 200 via EPSV\n? alive"
    ));
}

#[test]
fn between_servers_too() {
    play(
        "op RETR f third=passive
         C: EPSV
         S: 229 (|||2000|)
         ! ready 2000
         > go
         C: RETR f
         S: 150
         ! begin 150
         + 30s
         C: NOOP
         S: 226
         S: 200
         = done 226 via EPSV",
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
