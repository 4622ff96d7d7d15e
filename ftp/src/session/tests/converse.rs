//! Commands one after the other.

use super::script::play;

// RFC 959 §5.4: RNFR is answered by 350, then RNTO by 250.
#[test]
fn rename_is_two_commands() {
    play(
        "op SAY RNFR a | RNTO b
         C: RNFR a
         S: 350 on
         C: RNTO b
         S: 250 done
         = done 350 250
         ? alive",
    );
}

#[test]
fn stops_at_the_first_refusal() {
    play(
        "op SAY RNFR a | RNTO b
         C: RNFR a
         S: 550 no
         = error Refused 550
         ? alive
         ? timer none",
    );
    play("op SAY RNFR a | RNTO b\nC: RNFR a\nS: 450 busy\n= error Refused 450");
    play(
        "op SAY NOOP | CWD a | PWD
         C: NOOP
         S: 200
         C: CWD a
         S: 550 no
         = error Refused 550",
    );
}

#[test]
fn goes_on_where_it_may_be_refused() {
    play(
        "op SAY ?CWD a | ?CWD b | PWD
         C: CWD a
         S: 550 no
         C: CWD b
         S: 500 no
         C: PWD
         S: 257 \"/\"
         = done 550 500 257",
    );
}

#[test]
fn nothing_to_say_is_done() {
    play("op SAY NOOP\nC: NOOP\nS: 200\n= done 200");
}

// RFC 959 §4.2.1: a preliminary reply promises another one.
#[test]
fn preliminary_is_a_sign_of_life() {
    play(
        "op SAY HASH f
         C: HASH f
         + 50s
         S: 150 computing
         + 50s
         S: 110 half
         + 50s
         S: 213 abc
         = done 213",
    );
}

// RFC 959 §4.2: a reply may come in any pieces, and of several lines.
#[test]
fn reply_in_pieces() {
    play(
        "op SAY STAT
         C: STAT
         S: 211-sta\\
         S: tus\\n200 is not the end\\n21\\
         S: 1 end
         = done 211",
    );
}

#[test]
fn reply_to_nothing_is_a_stray() {
    play(
        "S: 226 what
         ? strays 1
         op SAY NOOP
         C: NOOP
         S: 200 a\\n200 b
         = done 200
         ? strays 2
         ? alive",
    );
    // Those that were there before the next command was said answer nothing.
    play(
        "op SAY NOOP | PWD
         C: NOOP
         S: 200 a\\n550 b\\n257 c
         C: PWD
         ? strays 2
         S: 257 \"/\"
         = done 200 257",
    );
}

#[test]
fn late_reply_is_the_end() {
    play(
        "op SAY NOOP
         C: NOOP
         + 59s
         ? alive
         + 1s
         = error TimedOut maybe
         ? dead
         S: 200 too late
         op SAY PWD
         = error TimedOut maybe",
    );
}

// RFC 959 §4.2: 421 says that the connection will be closed, in answer to whatever.
#[test]
fn closing() {
    play(
        "op SAY CWD a | PWD
         C: CWD a
         S: 421 bye
         = error Unavailable 421
         ? dead
         op SAY NOOP
         = error Unavailable 421",
    );
    play(
        "op SAY CWD a | PWD
         C: CWD a
         S: 250
         C: PWD
         S: 421 bye
         = error Unavailable 421
         ? dead",
    );
    play("S: 421 idle too long\n? dead\nop SAY NOOP\n= error Unavailable 421");
    play("op SAY NOOP\nC: NOOP\nS: 200 fine\\n421 bye\n= done 200\n? dead");
}

#[test]
fn connection_lost() {
    play("> eof\n? dead\nop SAY NOOP\n= error Lost");
    // The command may have been carried out.
    play("op SAY CWD a\nC: CWD a\n> eof\n= error Lost maybe\n? dead");
    // A reply that lacks only its end is one.
    play("op SAY CWD a\nC: CWD a\nS: 250 do\\\n> eof\n= done 250\n? dead");
    // One whose last line is missing is none.
    play(
        "op SAY CWD a
         C: CWD a
         S: 250-do
         > eof
         = error Lost maybe
         ? dead",
    );
}

// A server that ends a reply of several lines with another code (glFTPd): believed after a while.
#[test]
fn reply_that_ends_with_another_code() {
    play(
        "op SAY CWD a
         C: CWD a
         S: 553-no\\n550 not
         + 499ms
         + 1ms
         = error Refused 550
         ? alive",
    );
}

#[test]
fn only_one_at_a_time() {
    play(
        "op SAY NOOP
         C: NOOP
         op SAY PWD
         = error Lost
         S: 200
         = done 200
         ? alive",
    );
    play(
        "op RETR f
         C: EPSV
         S: 229 (|||2000|)
         ! connect 2000
         op SAY PWD
         = error Lost
         > connected
         C: RETR f",
    );
}

mod quit {
    use super::play;

    // RFC 959 §4.1.1.
    #[test]
    fn is_the_end() {
        play(
            "op QUIT
             C: QUIT
             S: 221 bye
             = done 221
             ? dead
             op SAY NOOP
             = error Lost",
        );
        play("op QUIT\nC: QUIT\nS: 421 bye\n= done 421\n? dead");
        play("op QUIT\nC: QUIT\nS: 500 what\n= done 500\n? dead");
    }

    #[test]
    fn missing_reply() {
        play("op QUIT\nC: QUIT\n> eof\n= done\n? dead");
        play("op QUIT\nC: QUIT\n+ 60s\n= error TimedOut maybe\n? dead");
    }
}

// What is drained too late is of the operation before, and told to nobody.
#[test]
fn result_that_nobody_took_is_forgotten() {
    let mut player = super::script::Player::new();
    let now = player.now;
    let operation = super::script::operation;
    player.session.handle_operation(now, operation("SAY NOOP"));
    player.session.handle_input(now, b"200 fine\r\n");
    player.session.handle_operation(now, operation("SAY PWD"));
    player.drain();
    assert_eq!(player.log, "C: NOOP\nC: PWD");
}
