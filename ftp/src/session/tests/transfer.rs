//! One transfer, from what must be set to the final reply.

use super::script::play;

/// An `EPSV` data connection that is there, and the verb.
const OPEN: &str = "C: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> connected\n";

// RFC 959 §5.4, §3.2.
mod good {
    use super::{OPEN, play};

    #[test]
    fn download() {
        play(
            "op RETR f type=I
             C: TYPE I
             S: 200 I
             C: EPSV
             S: 229 Entering (|||2000|)
             ! connect 2000
             > connected
             C: RETR f
             S: 150 opening
             ! begin 150
             > ended
             S: 226 done
             = done 226 via EPSV
             ? timer none",
        );
    }

    // RFC 959 §5.4: 125 or 150, then 226 or 250.
    #[test]
    fn with_either_preliminary_and_either_final() {
        for preliminary in [125, 150] {
            for last in [226, 250, 200] {
                play(&format!(
                    "op STOR f
                     {OPEN}C: STOR f
                     S: {preliminary} go
                     ! begin {preliminary}
                     > ended
                     S: {last} done
                     = done {last} via EPSV"
                ));
            }
        }
    }

    #[test]
    fn final_reply_before_the_last_octet() {
        // What is under way to us is read first, however long it takes.
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done
             ! begin 150
             ? timer none
             + 900s
             > ended
             = done 226 via EPSV"
        ));
        // A server that has ended it while we send has not got all.
        play(&format!(
            "op STOR f
             {OPEN}C: STOR f
             S: 150 go
             ! begin 150
             S: 226 done
             = error Aborted 226 maybe
             ? alive"
        ));
    }

    #[test]
    fn octets_before_the_preliminary_reply() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             > ended
             S: 150 go
             ! begin 150
             ? timer 60s
             S: 226 done
             = done 226 via EPSV"
        ));
    }

    // Servers answer an empty listing so.
    #[test]
    fn final_reply_without_a_preliminary_one() {
        for verb in ["LIST", "NLST", "MLSD"] {
            // Octets may have arrived; the connection is read to its end.
            play(&format!(
                "op {verb}
                 {OPEN}C: {verb}
                 S: 226 nothing
                 ! begin 226
                 > ended
                 = done 226 via EPSV"
            ));
            play(&format!(
                "op {verb}
                 {OPEN}C: {verb}
                 S: 226 nothing
                 ! begin 226
                 > broken reset
                 = done 226 via EPSV"
            ));
            play(&format!(
                "op {verb}
                 {OPEN}C: {verb}
                 > ended
                 S: 226 nothing
                 = done 226 via EPSV"
            ));
            play(&format!(
                "op {verb} via=EPRT
                 ! listen
                 > listening 192.0.2.9:4000
                 C: EPRT |1|192.0.2.9|4000|
                 S: 200 fine
                 C: {verb}
                 S: 226 nothing
                 = done 226 via EPRT"
            ));
        }
        // A file is another matter.
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 226 done
             ! begin 226
             > ended
             = done 226 via EPSV"
        ));
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 226 done
             ! begin 226
             > broken reset
             = error Aborted 226 maybe"
        ));
        play(&format!(
            "op STOR f\n{OPEN}C: STOR f\nS: 226 done\n= error Aborted 226 maybe"
        ));
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200 fine
             C: RETR f
             S: 226 done
             + 4s
             + 1s
             = error Aborted 226 maybe
             ? alive",
        );
    }

    // RFC 959 §3.5: 110 tells of restart markers.
    #[test]
    fn further_preliminary_replies() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n110 MARK 1 = 1
             ! begin 150
             ! preliminary 110
             S: 150 half
             ! preliminary 150
             ? timer 30s
             > ended
             + 50s
             S: 110 MARK 2 = 2
             ! preliminary 110
             ? timer 60s
             + 50s
             S: 250 done
             = done 250 via EPSV"
        ));
    }

    #[test]
    fn reply_with_nul() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\x00
             ! begin 150
             > ended
             S: 226 do\\x00ne
             = done 226 via EPSV"
        ));
    }

    #[test]
    fn control_connection_that_ends_behind_the_final_reply() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done
             ! begin 150
             > eof
             ? dead
             > ended
             = done 226 via EPSV
             op SAY NOOP
             = error Lost"
        ));
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done\\n421 bye
             ! begin 150
             ? dead
             > ended
             = done 226 via EPSV
             op SAY NOOP
             = error Unavailable 421"
        ));
        let noise = "what\\n".repeat(65);
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done
             ! begin 150
             S: {noise}\\\n? dead
             > ended
             = done 226 via EPSV"
        ));
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done
             ! begin 150
             > eof
             > broken reset
             = error Aborted 226 maybe"
        ));
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done
             ! begin 150
             > eof
             op RECOVER
             = error Lost"
        ));
        // What nobody may ask now changes nothing.
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150 go\\n226 done
             ! begin 150
             > eof
             op SAY NOOP
             = error Lost
             > ended
             = done 226 via EPSV
             op SAY NOOP
             = error Lost"
        ));
        play(&format!(
            "op STOR f
             {OPEN}C: STOR f
             S: 150 go
             ! begin 150
             > ended
             + 30s
             S: 226 done\\\n> eof
             = done 226 via EPSV
             ? dead"
        ));
    }
}

// RFC 959 §3.1, §4.1.2: only what differs is said.
mod settings {
    use super::{OPEN, play};

    const REST: &str = "C: EPSV\nS: 500 no\n= error DataConnection 500\n";

    #[test]
    fn are_said_once() {
        play(&format!(
            "op RETR f type=I mode=S stru=F prot=C
             C: TYPE I
             S: 200
             {REST}op RETR g type=I
             {REST}op LIST type=A-N
             C: TYPE A N
             ? TYPE unknown
             S: 200
             {REST}? TYPE A N"
        ));
    }

    #[test]
    fn are_said_in_order() {
        play(&format!(
            "op RETR f prot=P type=I mode=Z stru=R
             C: PROT P
             S: 200
             C: TYPE I
             S: 200
             C: MODE Z
             S: 200
             C: STRU R
             S: 250
             {REST}"
        ));
    }

    // A command the server does not have has set nothing else; one it has and refuses may have.
    #[test]
    fn what_a_server_does_not_have_is_as_after_a_login() {
        play(&format!(
            "op RETR f mode=Z
             C: MODE Z
             S: 504 no
             = error Refused 504
             op RETR f mode=S
             C: MODE S
             S: 500 what?
             {REST}op RETR f mode=S
             {REST}op RETR f mode=Z
             C: MODE Z
             S: 500 what?
             = error Refused 500
             op RETR f mode=S
             C: MODE S
             S: 504 no
             = error Refused 504"
        ));
    }

    // Pure-FTPd refuses TYPE E and sets A at the same time.
    #[test]
    fn refused_are_unknown() {
        play(&format!(
            "op RETR f type=I
             C: TYPE I
             S: 200
             {REST}op RETR f type=E
             C: TYPE E
             S: 504-Unknown TYPE: E\\n504 TYPE is now ASCII
             = error Refused 504
             ? TYPE unknown
             ? alive
             op RETR f type=I
             C: TYPE I
             S: 200
             {REST}"
        ));
        play(
            "op RETR f mode=B
             C: MODE B
             S: 504 no
             = error Refused 504
             ? MODE unknown",
        );
        play(
            "op RETR f prot=P
             C: PROT P
             S: 336 what
             = error Refused 336
             ? PROT unknown",
        );
    }

    // A title of curl's cases.
    #[test]
    fn answer_226_to_type_is_fine() {
        play("op RETR f type=I\nC: TYPE I\nS: 226 what\nC: EPSV\n? TYPE I");
    }

    #[test]
    fn preliminary_reply_to_type_is_waited_out() {
        play(
            "op RETR f type=I
             C: TYPE I
             + 50s
             S: 150 what
             ? timer 60s
             S: 200
             C: EPSV",
        );
    }

    // RFC 959 §4.1.3: ALLO; a server that needs none answers 202.
    #[test]
    fn room_is_asked_for() {
        for answer in [
            "200 fine",
            "202 superfluous",
            "500 what",
            "502 no",
            "504 no",
        ] {
            play(&format!(
                "op STOR f allo=9\nC: ALLO 9\nS: {answer}\n{OPEN}C: STOR f"
            ));
        }
        for answer in [552, 452, 550] {
            play(&format!(
                "op STOR f allo=9
                 C: ALLO 9
                 S: {answer} no room
                 = error Refused {answer}
                 ? alive"
            ));
        }
    }

    // A distributor that has not been told asks for it by name; the session remembers.
    #[test]
    fn pre_transfer_that_the_server_asks_for() {
        play(
            "op RETR f via=EPSV,PASV
             C: EPSV
             S: 500 You need to use a client supporting PRET (PRE Transfer) to use PASV
             C: PRET RETR f
             S: 200 OK
             C: EPSV
             S: 229 (|||2000|)
             ! connect 2000
             > connected
             C: RETR f
             S: 550 no
             = error Refused 550
             op LIST via=PASV
             C: PRET LIST",
        );
        play(
            "op RETR f via=EPSV,PASV
             C: EPSV
             S: 500 PRET first
             C: PRET RETR f
             S: 500 what
             C: EPSV
             S: 500 PRET first
             ! drop
             C: PASV",
        );
    }

    // Distributors of drftpd and glFTPd.
    #[test]
    fn pre_transfer() {
        for answer in ["200 fine", "500 what", "502 no"] {
            play(&format!(
                "op RETR f pret\nC: PRET RETR f\nS: {answer}\n{OPEN}C: RETR f"
            ));
        }
        play("op RETR f pret\nC: PRET RETR f\nS: 550 no file\n= error Refused 550");
        play(
            "op MLSD pret via=EPSV,PASV
             C: PRET MLSD
             S: 200
             C: EPSV
             S: 500
             ! drop
             C: PASV
             S: 227 (192,0,2,1,7,208)
             ! connect 192.0.2.1:2000
             > connected
             C: MLSD",
        );
    }

    // RFC 959 §5.3: an argument ends at the line's end.
    #[test]
    fn nothing_is_said_for_what_cannot_be() {
        play(
            "op RETR a\\x0d\\x0aDELE type=I
             = error Argument
             ? alive
             ? TYPE A N",
        );
        play("op RETR a\\x00 via=PASV\n= error Argument\n? alive");
    }
}

// RFC 2428, RFC 1123 §4.1.2.6.
mod ways {
    use super::play;

    #[test]
    fn one_after_the_other() {
        play(
            "op RETR f via=EPSV,PASV,EPRT,PORT
             C: EPSV
             S: 500 what
             ! drop
             C: PASV
             S: 227 Entering (192,0,2,1,7,208).
             ! connect 192.0.2.1:2000
             > failed refused
             ! drop
             ! listen
             > listening 192.0.2.9:4000
             C: EPRT |1|192.0.2.9|4000|
             S: 522 no
             ! drop
             ! listen
             > listening 192.0.2.9:4001
             C: PORT 192,0,2,9,15,161
             S: 200 fine
             C: RETR f
             S: 150 opening
             ! begin 150
             > connected
             > ended
             S: 226 done
             = done 226 via PORT",
        );
    }

    #[test]
    fn answer_without_a_port_is_none() {
        for answer in [
            "229 (|||70000|)",
            "229 (|||0|)",
            "229 (||2000|)",
            "229 what",
            "229 1,2,3,4,5,6,",
            "227 (10,0,0,1,7,208)",
            "229 (|||2000)",
            "200 fine",
            "350 what",
            "425 no",
        ] {
            play(&format!(
                "op RETR f via=EPSV,PASV\nC: EPSV\nS: {answer}\n! drop\nC: PASV"
            ));
        }
        for answer in [
            "227 (1,2,3,4,5)",
            "227 (1,2,3,256,7,208)",
            "227 what",
            "227 (1,2,3,4,0,0)",
            "530 no",
        ] {
            let code = answer.split(' ').next().unwrap();
            play(&format!(
                "op RETR f via=PASV
                 C: PASV
                 S: {answer}
                 = error DataConnection {code}
                 ? alive"
            ));
        }
    }

    #[test]
    fn connection_failed_is_the_next_way() {
        play(
            "op RETR f via=EPSV,PASV
             C: EPSV
             S: 229 (|||2000|)
             ! connect 2000
             ? timer none
             > failed time-out
             ! drop
             C: PASV
             S: 227 (10,0,0,1,7,208)
             ! connect 10.0.0.1:2000
             > connected
             C: RETR f",
        );
    }

    #[test]
    fn none_works() {
        play(
            "op RETR f via=EPSV,PASV
             C: EPSV
             S: 500 no
             ! drop
             C: PASV
             S: 502 no
             = error DataConnection 502
             ? alive",
        );
        play(
            "op RETR f
             C: EPSV
             S: 229 (|||2000|)
             ! connect 2000
             > failed refused
             = error DataConnection
             ? alive
             op SAY NOOP
             C: NOOP
             S: 200
             = done 200",
        );
        play(
            "op RETR f via=PORT
             ! listen
             > failed no port
             = error DataConnection
             ? alive",
        );
        play(
            "op RETR f via=PORT
             ! listen
             > listening [2001:db8::1]:4000
             = error DataConnection
             ? alive",
        );
    }

    // RFC 2428 §2.
    #[test]
    fn address_of_version_6() {
        play(
            "op RETR f via=EPRT
             ! listen
             > listening [2001:db8::1]:4000
             C: EPRT |2|2001:db8::1|4000|
             S: 200
             C: RETR f",
        );
    }

    // Titles of curl's cases.
    #[test]
    fn port_refused() {
        for code in [425, 500, 501, 530] {
            play(&format!(
                "op RETR f via=PORT
                 ! listen
                 > listening 192.0.2.9:4000
                 C: PORT 192,0,2,9,15,160
                 S: {code} no
                 = error DataConnection {code}
                 ? alive"
            ));
        }
    }

    #[test]
    fn port_answered_with_421() {
        play(
            "op RETR f via=PORT,PASV
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 421 bye
             = error Unavailable 421
             ? dead",
        );
    }

    #[test]
    fn port_never_answered() {
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             + 60s
             = error TimedOut maybe
             ? dead",
        );
    }

    // Pure-FTPd's answer to PORT has two lines.
    #[test]
    fn port_answered_with_two_lines() {
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200-FXP transfer\\n200 PORT ok
             C: RETR f",
        );
    }

    #[test]
    fn server_that_connects_before_it_answers() {
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             > connected
             S: 200
             C: RETR f
             S: 150
             ! begin 150
             > ended
             S: 226
             = done 226 via PORT",
        );
        play(
            "op RETR f via=PORT,PASV
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             > connected
             S: 500 no
             ! drop
             C: PASV",
        );
    }

    #[test]
    fn server_that_never_connects() {
        // The accept has failed while the transfer waits: the server's reason is awaited for a moment.
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200
             C: RETR f
             S: 150
             ! begin 150
             > failed nobody came
             S: 425 cannot connect
             = error Aborted 425 maybe
             ? alive",
        );
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200
             C: RETR f
             S: 425 cannot connect
             = error DataConnection 425
             ? alive",
        );
        // Success without a data connection is none.
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200
             C: RETR f
             S: 150\\n226 done
             ! begin 150
             + 4s
             + 1s
             = error Aborted 226 maybe
             ? alive",
        );
    }

    #[test]
    fn server_whose_connection_arrives_behind_the_final_reply() {
        let until = "! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200\n";
        play(&format!(
            "op RETR f via=PORT
             {until}C: RETR f
             S: 150\\n226 done
             ! begin 150
             + 4s
             > connected
             ? timer none
             + 900s
             > ended
             = done 226 via PORT"
        ));
        play(&format!(
            "op STOR f via=PORT
             {until}C: STOR f
             S: 150\\n226 done
             ! begin 150
             > connected
             = error Aborted 226 maybe"
        ));
    }
}

// RFC 3659 §5.3: REST stands directly before the verb.
mod restart {
    use super::{OPEN, play};

    #[test]
    fn directly_before_the_verb() {
        play(&format!(
            "op RETR f type=I rest=100
             C: TYPE I
             S: 200
             {OPEN}C: REST 100
             S: 350 on
             C: RETR f
             ? pending true
             S: 150
             ! begin 150
             ? pending false"
        ));
        play(
            "op STOR f rest=100 via=EPSV,PASV,PORT
             C: EPSV
             S: 500
             ! drop
             C: PASV
             S: 227 (10,0,0,1,7,208)
             ! connect 10.0.0.1:2000
             > failed x
             ! drop
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             S: 200
             C: REST 100
             S: 350
             C: STOR f",
        );
    }

    #[test]
    fn refused() {
        for code in [501, 502, 504, 554] {
            play(&format!(
                "op RETR f rest=100
                 {OPEN}C: REST 100
                 S: {code} no
                 = error Refused {code}
                 ? alive"
            ));
        }
    }

    #[test]
    fn beyond_the_end() {
        play(&format!(
            "op RETR f rest=100
             {OPEN}C: REST 100
             S: 350
             C: RETR f
             S: 550 beyond the end
             = error Refused 550
             ? pending true"
        ));
    }

    #[test]
    fn left_by_a_transfer_that_failed_is_taken_back() {
        let failed = format!(
            "op RETR f rest=100
             {OPEN}C: REST 100
             S: 350
             C: RETR f
             S: 425 no
             = error DataConnection 425
             ? alive\n"
        );
        play(&format!(
            "{failed}op STOR g
             {OPEN}C: REST 0
             S: 350
             C: STOR g
             ? pending false
             S: 550 no
             = error Refused 550
             op STOR h
             {OPEN}C: STOR h"
        ));
        // A server without REST has none to take back; one that refuses for another reason is asked again.
        play(&format!(
            "{failed}op RETR g
             {OPEN}C: REST 0
             S: 502 no
             C: RETR g
             ? pending false"
        ));
        play(&format!(
            "{failed}op RETR g
             {OPEN}C: REST 0
             S: 501 no
             C: RETR g
             ? pending true"
        ));
        // vsftpd does not take a listing for the transfer that the restart was for.
        play(&format!(
            "{failed}op LIST
             {OPEN}C: LIST
             S: 150
             ! begin 150
             > ended
             S: 226
             = done 226 via EPSV
             ? pending true
             op STOR g
             {OPEN}C: REST 0"
        ));
    }
}

// RFC 959 §5.4.
mod refused {
    use super::{OPEN, play};

    #[test]
    fn at_once() {
        for code in [450, 451, 452, 500, 532, 550, 552, 553] {
            play(&format!(
                "op RETR f
                 {OPEN}C: RETR f
                 S: {code} no
                 = error Refused {code}
                 ? alive"
            ));
        }
        for code in [425, 426, 522] {
            play(&format!(
                "op RETR f
                 {OPEN}C: RETR f
                 S: {code} no
                 = error DataConnection {code}
                 ? alive"
            ));
        }
    }

    // ProFTPD says 450 to the listing of a missing name behind its 150.
    #[test]
    fn half_way() {
        for code in [425, 426, 450, 451, 452, 522, 550, 551, 552] {
            play(&format!(
                "op LIST f
                 {OPEN}C: LIST f
                 S: 150
                 ! begin 150
                 > ended
                 S: {code} no
                 = error Aborted {code} maybe
                 ? alive"
            ));
            play(&format!(
                "op STOR f
                 {OPEN}C: STOR f
                 S: 150
                 ! begin 150
                 S: {code} no
                 = error Aborted {code} maybe
                 ? alive"
            ));
            play(&format!(
                "op STOR f
                 {OPEN}C: STOR f
                 S: 150
                 ! begin 150
                 > broken reset
                 S: {code} no
                 = error Aborted {code} maybe
                 ? alive"
            ));
            play(&format!(
                "op STOR f
                 {OPEN}C: STOR f
                 S: 150
                 ! begin 150
                 > ended
                 S: {code} no
                 = error Aborted {code} maybe
                 ? alive"
            ));
        }
    }
}

mod broken {
    use super::{OPEN, play};

    #[test]
    fn data_then_a_good_reply() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150
             ! begin 150
             > broken reset
             S: 226 done
             = error Aborted 226 maybe
             ? alive"
        ));
        play(&format!(
            "op STOR f
             {OPEN}C: STOR f
             S: 150
             ! begin 150
             > broken reset
             S: 226 done
             = error Aborted 226 maybe
             ? alive"
        ));
    }

    // Pure-FTPd says 150 a second time and then nothing when the data connection is closed early.
    #[test]
    fn data_then_silence() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150
             ! begin 150
             > broken reset
             + 4s
             S: 150 0.3 seconds
             ! preliminary 150
             + 1s
             = error Aborted maybe
             ? dead"
        ));
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             > broken reset
             + 1s
             S: 150
             ! begin 150
             + 4s
             = error Aborted maybe
             ? dead"
        ));
    }

    // Before the verb there is a reply to be awaited, not last words.
    #[test]
    fn data_before_the_verb() {
        play(
            "op RETR f rest=5
             C: EPSV
             S: 229 (|||2000|)
             ! connect 2000
             > connected
             C: REST 5
             > broken reset
             + 50s
             S: 350 on
             C: RETR f
             S: 425 where are you
             = error DataConnection 425
             ? alive",
        );
        play(
            "op RETR f via=PORT
             ! listen
             > listening 192.0.2.9:4000
             C: PORT 192,0,2,9,15,160
             > failed nobody came
             + 50s
             S: 500 no
             = error DataConnection 500
             ? alive",
        );
    }

    #[test]
    fn no_final_reply() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150
             ! begin 150
             > ended
             + 60s
             = error TimedOut maybe
             ? dead"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\n+ 60s\n= error TimedOut maybe\n? dead"
        ));
    }

    // RFC 959 §4.2: 421; and a connection that ends without a word.
    #[test]
    fn control_connection_at_any_point() {
        let script = format!(
            "op STOR f type=I rest=5 allo=9 pret
             C: TYPE I
             S: 200
             C: ALLO 9
             S: 202
             C: PRET STOR f
             S: 200
             {OPEN}C: REST 5
             S: 350
             C: STOR f
             S: 150
             ! begin 150
             > ended"
        );
        let lines: Vec<&str> = script.lines().map(str::trim).collect();
        for end in 1..=lines.len() {
            let is_stimulus = |line: &&str| line.starts_with(['S', '>']) && line.contains(' ');
            if lines.get(end).is_some_and(|next| !is_stimulus(next)) {
                continue;
            }
            let asked = lines[..end].contains(&"C: STOR f");
            let until = lines[..end].join("\n");
            let (cut, closed) = if asked {
                ("Aborted maybe", "Aborted 421 maybe")
            } else {
                ("Lost", "Unavailable 421")
            };
            play(&format!("{until}\n> eof\n= error {cut}\n? dead"));
            play(&format!("{until}\nS: 421 bye\n= error {closed}\n? dead"));
        }
    }

    #[test]
    fn reply_without_end() {
        play(&format!(
            "op RETR f
             {OPEN}C: RETR f
             S: 150-go
             + 60s
             = error TimedOut maybe
             ? dead"
        ));
    }

    #[test]
    fn strays_before_the_verb() {
        // A reply that is there before anything was asked is not the answer to what is asked next.
        play(
            "op RETR f
             C: EPSV
             S: 229 (|||2000|)\\n550 what
             ! connect 2000
             > connected
             C: RETR f
             S: 150
             ! begin 150",
        );
        play(
            "op RETR f
             C: EPSV
             S: 229 (|||2000|)
             ! connect 2000
             S: 150 what
             ? timer none
             > connected
             C: RETR f",
        );
    }
}

// RFC 959 §5.2: a transfer between two servers.
mod third {
    use super::play;

    #[test]
    fn passive_half() {
        for (method, answer, at) in [
            ("EPSV", "229 (|||2000|)", "2000"),
            ("PASV", "227 (192,0,2,1,7,208)", "192.0.2.1:2000"),
            ("CPSV", "227 (192,0,2,1,7,208)", "192.0.2.1:2000"),
        ] {
            play(&format!(
                "op RETR f third=passive via={method}
                 C: {method}
                 S: {answer}
                 ! ready {at}
                 ? timer none
                 > go
                 C: RETR f
                 S: 150
                 ! begin 150
                 S: 226
                 = done 226 via {method}"
            ));
        }
    }

    #[test]
    fn active_half() {
        play(
            "op STOR f third=192.0.2.7:2000 via=EPRT,PORT
             C: EPRT |1|192.0.2.7|2000|
             S: 500
             ! drop
             C: PORT 192,0,2,7,7,208
             S: 200
             ! ready
             > go
             C: STOR f
             S: 150
             ! begin 150
             S: 226
             = done 226 via PORT",
        );
        play(
            "op STOR f third=192.0.2.7:2000 via=PORT
             C: PORT 192,0,2,7,7,208
             S: 500 illegal
             = error DataConnection 500",
        );
    }

    #[test]
    fn restart_stands_before_the_verb() {
        play(
            "op RETR f rest=7 third=passive
             C: EPSV
             S: 229 (|||2000|)
             ! ready 2000
             > go
             C: REST 7
             S: 350
             C: RETR f",
        );
    }

    #[test]
    fn refusals() {
        play(
            "op RETR f third=passive
             C: EPSV
             S: 229 (|||2000|)
             ! ready 2000
             > go
             C: RETR f
             S: 425 no
             = error DataConnection 425",
        );
        play(
            "op RETR f third=passive
             C: EPSV
             S: 229 (|||2000|)
             ! ready 2000
             > go
             C: RETR f
             S: 150
             ! begin 150
             S: 426 no
             = error Aborted 426 maybe",
        );
        play(
            "op RETR f third=passive
             C: EPSV
             S: 229 (|||2000|)
             ! ready 2000
             > eof
             = error Lost",
        );
    }
}
