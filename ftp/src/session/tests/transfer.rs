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
                    "op STOR f\n{OPEN}C: STOR f\nS: {preliminary} go\n! begin {preliminary}\n> ended\nS: {last} done\n= done {last} via EPSV"
                ));
            }
        }
    }

    #[test]
    fn final_reply_before_the_last_octet() {
        // What is under way to us is read first, however long it takes.
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n226 done\n! begin 150\n? timer none\n+ 900s\n> ended\n= done 226 via EPSV"
        ));
        // A server that has ended it while we send has not got all.
        play(&format!(
            "op STOR f\n{OPEN}C: STOR f\nS: 150 go\n! begin 150\nS: 226 done\n= error Aborted 226 maybe\n? alive"
        ));
    }

    #[test]
    fn octets_before_the_preliminary_reply() {
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\n> ended\nS: 150 go\n! begin 150\n? timer 60s\nS: 226 done\n= done 226 via EPSV"
        ));
    }

    // Servers answer an empty listing so.
    #[test]
    fn final_reply_without_a_preliminary_one() {
        for verb in ["LIST", "NLST", "MLSD"] {
            // Octets may have arrived; the connection is read to its end.
            play(&format!(
                "op {verb}\n{OPEN}C: {verb}\nS: 226 nothing\n! begin 226\n> ended\n= done 226 via EPSV"
            ));
            play(&format!(
                "op {verb}\n{OPEN}C: {verb}\nS: 226 nothing\n! begin 226\n> broken reset\n= done 226 via EPSV"
            ));
            play(&format!(
                "op {verb}\n{OPEN}C: {verb}\n> ended\nS: 226 nothing\n= done 226 via EPSV"
            ));
            play(&format!(
                "op {verb} via=EPRT\n! listen\n> listening 192.0.2.9:4000\nC: EPRT |1|192.0.2.9|4000|\nS: 200 fine\nC: {verb}\nS: 226 nothing\n= done 226 via EPRT"
            ));
        }
        // A file is another matter.
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 226 done\n! begin 226\n> ended\n= done 226 via EPSV"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 226 done\n! begin 226\n> broken reset\n= error Aborted 226 maybe"
        ));
        play(&format!(
            "op STOR f\n{OPEN}C: STOR f\nS: 226 done\n= error Aborted 226 maybe"
        ));
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200 fine\nC: RETR f\nS: 226 done\n+ 4s\n+ 1s\n= error Aborted 226 maybe\n? alive",
        );
    }

    // RFC 959 §3.5: 110 tells of restart markers.
    #[test]
    fn further_preliminary_replies() {
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n110 MARK 1 = 1\n! begin 150\n! preliminary 110\nS: 150 half\n! preliminary 150\n? timer 30s\n> ended\n+ 50s\nS: 110 MARK 2 = 2\n! preliminary 110\n? timer 60s\n+ 50s\nS: 250 done\n= done 250 via EPSV"
        ));
    }

    #[test]
    fn reply_with_nul() {
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\x00\n! begin 150\n> ended\nS: 226 do\\x00ne\n= done 226 via EPSV"
        ));
    }

    #[test]
    fn control_connection_that_ends_behind_the_final_reply() {
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n226 done\n! begin 150\n> eof\n? dead\n> ended\n= done 226 via EPSV\nop SAY NOOP\n= error Lost"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n226 done\\n421 bye\n! begin 150\n? dead\n> ended\n= done 226 via EPSV\nop SAY NOOP\n= error Unavailable 421"
        ));
        let noise = "what\\n".repeat(65);
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n226 done\n! begin 150\nS: {noise}\\\n? dead\n> ended\n= done 226 via EPSV"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n226 done\n! begin 150\n> eof\n> broken reset\n= error Aborted 226 maybe"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150 go\\n226 done\n! begin 150\n> eof\nop RECOVER\n= error Lost"
        ));
        play(&format!(
            "op STOR f\n{OPEN}C: STOR f\nS: 150 go\n! begin 150\n> ended\n+ 30s\nS: 226 done\\\n> eof\n= done 226 via EPSV\n? dead"
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
            "op RETR f type=I mode=S stru=F prot=C\nC: TYPE I\nS: 200\n{REST}op RETR g type=I\n{REST}op LIST type=A-N\nC: TYPE A N\n? TYPE unknown\nS: 200\n{REST}? TYPE A N"
        ));
    }

    #[test]
    fn are_said_in_order() {
        play(&format!(
            "op RETR f prot=P type=I mode=Z stru=R\nC: PROT P\nS: 200\nC: TYPE I\nS: 200\nC: MODE Z\nS: 200\nC: STRU R\nS: 250\n{REST}"
        ));
    }

    // Pure-FTPd refuses TYPE E and sets A at the same time.
    #[test]
    fn refused_are_unknown() {
        play(&format!(
            "op RETR f type=I\nC: TYPE I\nS: 200\n{REST}op RETR f type=E\nC: TYPE E\nS: 504-Unknown TYPE: E\\n504 TYPE is now ASCII\n= error Refused 504\n? TYPE unknown\n? alive\nop RETR f type=I\nC: TYPE I\nS: 200\n{REST}"
        ));
        play("op RETR f mode=B\nC: MODE B\nS: 504 no\n= error Refused 504\n? MODE unknown");
        play("op RETR f prot=P\nC: PROT P\nS: 336 what\n= error Refused 336\n? PROT unknown");
    }

    // A title of curl's cases.
    #[test]
    fn answer_226_to_type_is_fine() {
        play("op RETR f type=I\nC: TYPE I\nS: 226 what\nC: EPSV\n? TYPE I");
    }

    #[test]
    fn preliminary_reply_to_type_is_waited_out() {
        play("op RETR f type=I\nC: TYPE I\n+ 50s\nS: 150 what\n? timer 60s\nS: 200\nC: EPSV");
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
                "op STOR f allo=9\nC: ALLO 9\nS: {answer} no room\n= error Refused {answer}\n? alive"
            ));
        }
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
            "op MLSD pret via=EPSV,PASV\nC: PRET MLSD\nS: 200\nC: EPSV\nS: 500\n! drop\nC: PASV\nS: 227 (192,0,2,1,7,208)\n! connect 192.0.2.1:2000\n> connected\nC: MLSD",
        );
    }

    // RFC 959 §5.3: an argument ends at the line's end.
    #[test]
    fn nothing_is_said_for_what_cannot_be() {
        play("op RETR a\\x0d\\x0aDELE type=I\n= error Argument\n? alive\n? TYPE A N");
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
                "op RETR f via=PASV\nC: PASV\nS: {answer}\n= error DataConnection {code}\n? alive"
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
            "op RETR f via=EPSV,PASV\nC: EPSV\nS: 500 no\n! drop\nC: PASV\nS: 502 no\n= error DataConnection 502\n? alive",
        );
        play(
            "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\n> failed refused\n= error DataConnection\n? alive\nop SAY NOOP\nC: NOOP\nS: 200\n= done 200",
        );
        play("op RETR f via=PORT\n! listen\n> failed no port\n= error DataConnection\n? alive");
        play(
            "op RETR f via=PORT\n! listen\n> listening [2001:db8::1]:4000\n= error DataConnection\n? alive",
        );
    }

    // RFC 2428 §2.
    #[test]
    fn address_of_version_6() {
        play(
            "op RETR f via=EPRT\n! listen\n> listening [2001:db8::1]:4000\nC: EPRT |2|2001:db8::1|4000|\nS: 200\nC: RETR f",
        );
    }

    // Titles of curl's cases.
    #[test]
    fn port_refused() {
        for code in [425, 500, 501, 530] {
            play(&format!(
                "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: {code} no\n= error DataConnection {code}\n? alive"
            ));
        }
    }

    #[test]
    fn port_answered_with_421() {
        play(
            "op RETR f via=PORT,PASV\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 421 bye\n= error Unavailable 421\n? dead",
        );
    }

    #[test]
    fn port_never_answered() {
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\n+ 60s\n= error TimedOut maybe\n? dead",
        );
    }

    // Pure-FTPd's answer to PORT has two lines.
    #[test]
    fn port_answered_with_two_lines() {
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200-FXP transfer\\n200 PORT ok\nC: RETR f",
        );
    }

    #[test]
    fn server_that_connects_before_it_answers() {
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\n> connected\nS: 200\nC: RETR f\nS: 150\n! begin 150\n> ended\nS: 226\n= done 226 via PORT",
        );
        play(
            "op RETR f via=PORT,PASV\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\n> connected\nS: 500 no\n! drop\nC: PASV",
        );
    }

    #[test]
    fn server_that_never_connects() {
        // The accept has failed while the transfer waits: the server's reason is awaited for a moment.
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200\nC: RETR f\nS: 150\n! begin 150\n> failed nobody came\nS: 425 cannot connect\n= error Aborted 425 maybe\n? alive",
        );
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200\nC: RETR f\nS: 425 cannot connect\n= error DataConnection 425\n? alive",
        );
        // Success without a data connection is none.
        play(
            "op RETR f via=PORT\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200\nC: RETR f\nS: 150\\n226 done\n! begin 150\n+ 4s\n+ 1s\n= error Aborted 226 maybe\n? alive",
        );
    }

    #[test]
    fn server_whose_connection_arrives_behind_the_final_reply() {
        let until = "! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200\n";
        play(&format!(
            "op RETR f via=PORT\n{until}C: RETR f\nS: 150\\n226 done\n! begin 150\n+ 4s\n> connected\n? timer none\n+ 900s\n> ended\n= done 226 via PORT"
        ));
        play(&format!(
            "op STOR f via=PORT\n{until}C: STOR f\nS: 150\\n226 done\n! begin 150\n> connected\n= error Aborted 226 maybe"
        ));
    }
}

// RFC 3659 §5.3: REST stands directly before the verb.
mod restart {
    use super::{OPEN, play};

    #[test]
    fn directly_before_the_verb() {
        play(&format!(
            "op RETR f type=I rest=100\nC: TYPE I\nS: 200\n{OPEN}C: REST 100\nS: 350 on\nC: RETR f\n? pending true\nS: 150\n! begin 150\n? pending false"
        ));
        play(
            "op STOR f rest=100 via=EPSV,PASV,PORT\nC: EPSV\nS: 500\n! drop\nC: PASV\nS: 227 (10,0,0,1,7,208)\n! connect 10.0.0.1:2000\n> failed x\n! drop\n! listen\n> listening 192.0.2.9:4000\nC: PORT 192,0,2,9,15,160\nS: 200\nC: REST 100\nS: 350\nC: STOR f",
        );
    }

    #[test]
    fn refused() {
        for code in [501, 502, 504, 554] {
            play(&format!(
                "op RETR f rest=100\n{OPEN}C: REST 100\nS: {code} no\n= error Refused {code}\n? alive"
            ));
        }
    }

    #[test]
    fn beyond_the_end() {
        play(&format!(
            "op RETR f rest=100\n{OPEN}C: REST 100\nS: 350\nC: RETR f\nS: 550 beyond the end\n= error Refused 550\n? pending true"
        ));
    }

    #[test]
    fn left_by_a_transfer_that_failed_is_taken_back() {
        let failed = format!(
            "op RETR f rest=100\n{OPEN}C: REST 100\nS: 350\nC: RETR f\nS: 425 no\n= error DataConnection 425\n? alive\n"
        );
        play(&format!(
            "{failed}op STOR g\n{OPEN}C: REST 0\nS: 350\nC: STOR g\n? pending false\nS: 550 no\n= error Refused 550\nop STOR h\n{OPEN}C: STOR h"
        ));
        // A server without REST has none to take back; one that refuses for another reason is asked again.
        play(&format!(
            "{failed}op RETR g\n{OPEN}C: REST 0\nS: 502 no\nC: RETR g\n? pending false"
        ));
        play(&format!(
            "{failed}op RETR g\n{OPEN}C: REST 0\nS: 501 no\nC: RETR g\n? pending true"
        ));
        // vsftpd does not take a listing for the transfer that the restart was for.
        play(&format!(
            "{failed}op LIST\n{OPEN}C: LIST\nS: 150\n! begin 150\n> ended\nS: 226\n= done 226 via EPSV\n? pending true\nop STOR g\n{OPEN}C: REST 0"
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
                "op RETR f\n{OPEN}C: RETR f\nS: {code} no\n= error Refused {code}\n? alive"
            ));
        }
        for code in [425, 426, 522] {
            play(&format!(
                "op RETR f\n{OPEN}C: RETR f\nS: {code} no\n= error DataConnection {code}\n? alive"
            ));
        }
    }

    // ProFTPD says 450 to the listing of a missing name behind its 150.
    #[test]
    fn half_way() {
        for code in [425, 426, 450, 451, 452, 522, 550, 551, 552] {
            play(&format!(
                "op LIST f\n{OPEN}C: LIST f\nS: 150\n! begin 150\n> ended\nS: {code} no\n= error Aborted {code} maybe\n? alive"
            ));
            play(&format!(
                "op STOR f\n{OPEN}C: STOR f\nS: 150\n! begin 150\nS: {code} no\n= error Aborted {code} maybe\n? alive"
            ));
            play(&format!(
                "op STOR f\n{OPEN}C: STOR f\nS: 150\n! begin 150\n> broken reset\nS: {code} no\n= error Aborted {code} maybe\n? alive"
            ));
            play(&format!(
                "op STOR f\n{OPEN}C: STOR f\nS: 150\n! begin 150\n> ended\nS: {code} no\n= error Aborted {code} maybe\n? alive"
            ));
        }
    }
}

mod broken {
    use super::{OPEN, play};

    #[test]
    fn data_then_a_good_reply() {
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150\n! begin 150\n> broken reset\nS: 226 done\n= error Aborted 226 maybe\n? alive"
        ));
        play(&format!(
            "op STOR f\n{OPEN}C: STOR f\nS: 150\n! begin 150\n> broken reset\nS: 226 done\n= error Aborted 226 maybe\n? alive"
        ));
    }

    // Pure-FTPd says 150 a second time and then nothing when the data connection is closed early.
    #[test]
    fn data_then_silence() {
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\nS: 150\n! begin 150\n> broken reset\n+ 4s\nS: 150 0.3 seconds\n! preliminary 150\n+ 1s\n= error Aborted maybe\n? dead"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\n> broken reset\n+ 1s\nS: 150\n! begin 150\n+ 4s\n= error Aborted maybe\n? dead"
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
            "op RETR f\n{OPEN}C: RETR f\nS: 150\n! begin 150\n> ended\n+ 60s\n= error TimedOut maybe\n? dead"
        ));
        play(&format!(
            "op RETR f\n{OPEN}C: RETR f\n+ 60s\n= error TimedOut maybe\n? dead"
        ));
    }

    // RFC 959 §4.2: 421; and a connection that ends without a word.
    #[test]
    fn control_connection_at_any_point() {
        let script = format!(
            "op STOR f type=I rest=5 allo=9 pret\nC: TYPE I\nS: 200\nC: ALLO 9\nS: 202\nC: PRET STOR f\nS: 200\n{OPEN}C: REST 5\nS: 350\nC: STOR f\nS: 150\n! begin 150\n> ended"
        );
        let lines: Vec<&str> = script.lines().collect();
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
            "op RETR f\n{OPEN}C: RETR f\nS: 150-go\n+ 60s\n= error TimedOut maybe\n? dead"
        ));
    }

    #[test]
    fn strays_before_the_verb() {
        // A reply that is there before anything was asked is not the answer to what is asked next.
        play(
            "op RETR f\nC: EPSV\nS: 229 (|||2000|)\\n550 what\n! connect 2000\n> connected\nC: RETR f\nS: 150\n! begin 150",
        );
        play(
            "op RETR f\nC: EPSV\nS: 229 (|||2000|)\n! connect 2000\nS: 150 what\n? timer none\n> connected\nC: RETR f",
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
                "op RETR f third=passive via={method}\nC: {method}\nS: {answer}\n! ready {at}\n? timer none\n> go\nC: RETR f\nS: 150\n! begin 150\nS: 226\n= done 226 via {method}"
            ));
        }
    }

    #[test]
    fn active_half() {
        play(
            "op STOR f third=192.0.2.7:2000 via=EPRT,PORT\nC: EPRT |1|192.0.2.7|2000|\nS: 500\n! drop\nC: PORT 192,0,2,7,7,208\nS: 200\n! ready\n> go\nC: STOR f\nS: 150\n! begin 150\nS: 226\n= done 226 via PORT",
        );
        play(
            "op STOR f third=192.0.2.7:2000 via=PORT\nC: PORT 192,0,2,7,7,208\nS: 500 illegal\n= error DataConnection 500",
        );
    }

    #[test]
    fn restart_stands_before_the_verb() {
        play(
            "op RETR f rest=7 third=passive\nC: EPSV\nS: 229 (|||2000|)\n! ready 2000\n> go\nC: REST 7\nS: 350\nC: RETR f",
        );
    }

    #[test]
    fn refusals() {
        play(
            "op RETR f third=passive\nC: EPSV\nS: 229 (|||2000|)\n! ready 2000\n> go\nC: RETR f\nS: 425 no\n= error DataConnection 425",
        );
        play(
            "op RETR f third=passive\nC: EPSV\nS: 229 (|||2000|)\n! ready 2000\n> go\nC: RETR f\nS: 150\n! begin 150\nS: 426 no\n= error Aborted 426 maybe",
        );
        play(
            "op RETR f third=passive\nC: EPSV\nS: 229 (|||2000|)\n! ready 2000\n> eof\n= error Lost",
        );
    }
}
