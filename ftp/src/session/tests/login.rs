//! From the greeting to a session that is ready.

use super::script::play;

// RFC 959 §5.4: USER, PASS, ACCT, and who is satisfied with fewer of them.
mod names_and_secrets {
    use super::play;

    #[test]
    fn user_and_password() {
        play(
            "op LOGIN
             S: 220 ready
             C: USER fred
             S: 331 password
             C: PASS secret
             S: 230 welcome
             C: FEAT
             S: 211-Features\\n UTF8\\n211 End
             = done 220 230
             ? alive",
        );
    }

    #[test]
    fn user_is_enough() {
        play(
            "op LOGIN
             S: 220 ready
             C: USER fred
             S: 230 welcome
             C: FEAT
             S: 502 no
             = done 220 230",
        );
    }

    // RFC 959 §5.4: 202 to PASS or ACCT is "superfluous", RFC 2228 §4: 232 is "logged in".
    #[test]
    fn superfluous_is_fine() {
        play(
            "op LOGIN account
             S: 220 ready
             C: USER fred
             S: 331 password
             C: PASS secret
             S: 332 account
             C: ACCT dept
             S: 202 superfluous
             C: FEAT
             S: 500 no
             = done 220 202",
        );
    }

    #[test]
    fn account_may_be_wanted_at_once() {
        play(
            "op LOGIN account
             S: 220 ready
             C: USER fred
             S: 332 account
             C: ACCT dept
             S: 230 welcome
             C: FEAT
             S: 500 no
             = done 220 230",
        );
    }

    #[test]
    fn account_that_nobody_has_is_an_error() {
        play(
            "op LOGIN
             S: 220 ready
             C: USER fred
             S: 331 password
             C: PASS secret
             S: 332 account
             = error Login 332
             ? dead",
        );
    }

    #[test]
    fn account_bad() {
        play(
            "op LOGIN account
             S: 220 ready
             C: USER fred
             S: 331 password
             C: PASS secret
             S: 332 account
             C: ACCT dept
             S: 530 no such account
             = error Login 530
             ? dead",
        );
    }

    #[test]
    fn refused() {
        for refusal in ["530 no", "430 no", "500 what", "633 no"] {
            let code = refusal.split(' ').next().unwrap();
            play(&format!(
                "op LOGIN
                 S: 220 ready
                 C: USER fred
                 S: {refusal}
                 = error Login {code}
                 ? dead"
            ));
            play(&format!(
                "op LOGIN
                 S: 220 ready
                 C: USER fred
                 S: 331 password
                 C: PASS secret
                 S: {refusal}
                 = error Login {code}
                 ? dead"
            ));
        }
    }
}

// RFC 959 §4.2, §5.4: 120, 220, 421.
mod greeting {
    use super::play;

    #[test]
    fn may_be_announced() {
        play(
            "op LOGIN
             + 59s
             S: 120 in a minute
             + 59s
             S: 220 ready
             C: USER fred
             S: 230 welcome
             C: FEAT
             S: 500 no
             = done 220 230",
        );
    }

    #[test]
    fn that_never_comes() {
        play(
            "op LOGIN
             ? timer 60s
             + 60s
             = error TimedOut maybe
             ? dead",
        );
    }

    #[test]
    fn may_be_a_refusal() {
        for refusal in ["421 too many", "530 go away", "500 no", "331 what"] {
            let code = refusal.split(' ').next().unwrap();
            play(&format!(
                "op LOGIN
                 S: {refusal}
                 = error Unavailable {code}
                 ? dead"
            ));
        }
    }

    #[test]
    fn may_have_a_number_inside() {
        play(
            "op LOGIN
             S: 220-Welcome\\n150 users online\\n2201 x\\n220 ready
             C: USER fred
             S: 230
             C: FEAT
             S: 500
             = done 220 230",
        );
    }

    #[test]
    fn may_be_a_bare_code() {
        play(
            "op LOGIN
             S: 220
             C: USER fred
             S: 331
             C: PASS secret
             S: 230
             C: FEAT
             S: 500
             = done 220 230",
        );
    }

    // Servers that write several lines as several replies: those behind the first were not said in answer to USER.
    #[test]
    fn of_several_replies_in_one_segment() {
        play(
            "op LOGIN
             S: 220 Welcome\\n220 to our\\n220 server
             C: USER fred
             ? strays 2
             S: 331 password
             C: PASS secret
             S: 230 hello\\n230 again
             C: FEAT
             ? strays 3
             S: 500 no
             = done 220 230",
        );
    }

    #[test]
    fn of_several_replies_in_several_segments() {
        play(
            "op LOGIN tls=explicit
             S: 220 Welcome
             C: AUTH TLS
             S: 220 to our
             S: 220 server
             S: 234 go
             ! start-tls",
        );
        play(
            "op LOGIN
             S: 220 Welcome
             C: USER fred
             S: 220 to our server
             S: 331 password
             C: PASS secret",
        );
    }

    #[test]
    fn cut_by_the_end_of_the_connection() {
        play("op LOGIN\n> eof\n= error Connect\n? dead");
        play("op LOGIN\nS: 220-Welc\\\n> eof\n= error Connect\n? dead");
        play(
            "op LOGIN
             S: 220 ready
             C: USER fred
             S: 331 password
             C: PASS secret
             > eof
             = error Connect
             ? dead",
        );
    }

    #[test]
    fn in_pieces() {
        play(
            "op LOGIN
             S: 22\\
             S: 0-Welcome\\x0d\\
             S: \\x0a220 rea\\
             S: dy
             C: USER fred",
        );
    }

    // RFC 959 §4.2: 421 may be the reply to any command.
    #[test]
    fn followed_by_421() {
        for script in [
            "S: 220 ready\nC: USER fred\n",
            "S: 220 ready\nC: USER fred\nS: 331 password\nC: PASS secret\n",
            "S: 220 ready\nC: USER fred\nS: 230 welcome\nC: FEAT\n",
        ] {
            play(&format!(
                "op LOGIN
                 {script}S: 421 shutting down
                 = error Unavailable 421
                 ? dead"
            ));
        }
    }
}

// RFC 4217 §4, RFC 2228 §3.
mod security {
    use super::play;

    const AUTH: &str = "S: 220 ready\nC: AUTH TLS\n";

    #[test]
    fn explicit() {
        play(
            "op LOGIN tls=explicit private
             S: 220 ready
             C: AUTH TLS
             S: 234 go
             ! start-tls
             ? timer none
             > tls
             C: PBSZ 0
             S: 200 0
             C: PROT P
             ? PROT C
             S: 200 private
             C: USER fred
             ? PROT P
             S: 331 password
             C: PASS secret
             S: 230 welcome
             C: FEAT
             S: 500 no
             = done 220 230",
        );
    }

    #[test]
    fn implicit() {
        play(
            "op LOGIN tls=implicit private
             ! start-tls
             > tls
             S: 220 ready
             C: PBSZ 0
             S: 200 0
             C: PROT P
             S: 200 private
             C: USER fred",
        );
    }

    #[test]
    fn older_name_is_tried() {
        for refusal in [
            "500 what",
            "504 no",
            "530 log in first",
            "431 not now",
            "331 password",
            "633 no",
        ] {
            play(&format!(
                "op LOGIN tls=explicit
                 {AUTH}
                 S: {refusal}
                 C: AUTH SSL
                 S: 334 go
                 ! start-tls
                 > tls
                 C: PBSZ 0"
            ));
        }
    }

    #[test]
    fn refusal_is_the_end_or_not() {
        play(&format!(
            "op LOGIN tls=explicit
             {AUTH}S: 500 what
             C: AUTH SSL
             S: 504 no
             = error Tls
             ? dead"
        ));
        play(&format!(
            "op LOGIN tls=if-offered
             {AUTH}S: 500 what
             C: AUTH SSL
             S: 633 no
             C: USER fred
             ? PROT C"
        ));
    }

    #[test]
    fn handshake_that_fails_is_the_end() {
        play(&format!(
            "op LOGIN tls=if-offered
             {AUTH}S: 234 go
             ! start-tls
             > no-tls bad certificate
             = error Tls
             ? dead"
        ));
    }

    // CVE-2021-22947 and its like: whoever is on the way may put octets behind the 234, for us to take as said under TLS.
    #[test]
    fn octets_behind_the_answer_to_auth_are_the_end() {
        for behind in [
            "230 welcome",
            "230 welc\\",
            "230-welcome",
            "150 begun",
            "421 bye",
            "words",
            "2\\",
            "220 ready\\n331 password\\n230 welcome",
        ] {
            let kind = if behind.starts_with("421") {
                "Unavailable 421"
            } else {
                "Tls"
            };
            play(&format!(
                "op LOGIN tls=explicit
                 {AUTH}S: 234 go\\n{behind}
                 = error {kind}
                 ? dead"
            ));
            // Or a moment later, before TLS has begun.
            play(&format!(
                "op LOGIN tls=explicit
                 {AUTH}S: 234 go
                 ! start-tls
                 S: {behind}
                 = error {kind}
                 ? dead"
            ));
        }
    }

    #[test]
    fn buffer_size_refused_does_not_matter() {
        play(&format!(
            "op LOGIN tls=explicit private
             {AUTH}S: 234 go
             ! start-tls
             > tls
             C: PBSZ 0
             S: 503 no
             C: PROT P
             S: 200 yes
             C: USER fred
             ? PROT P"
        ));
    }

    #[test]
    fn protection_refused_matters_where_it_is_wanted() {
        let until = format!("{AUTH}S: 234 go\n! start-tls\n> tls\nC: PBSZ 0\nS: 200 0");
        play(&format!(
            "op LOGIN tls=explicit private
             {until}
             C: PROT P
             S: 536 no
             = error Tls
             ? dead"
        ));
        play(&format!(
            "op LOGIN tls=explicit
             {until}
             C: PROT C
             S: 534 no
             C: USER fred
             ? PROT C"
        ));
    }

    // RFC 4217 §12.3.
    #[test]
    fn may_be_left_again() {
        let until = format!(
            "{AUTH}S: 234 go
             ! start-tls
             > tls
             C: PBSZ 0
             S: 200 0
             C: PROT C
             S: 200 C
             C: USER fred
             S: 230 welcome
             C: FEAT
             S: 500 no
             C: CCC"
        );
        play(&format!(
            "op LOGIN tls=explicit clear
             {until}
             S: 200 clear
             ! stop-tls
             ? timer none
             > tls
             = done 220 230"
        ));
        play(&format!(
            "op LOGIN tls=explicit clear
             {until}
             S: 533 no
             = error Tls
             ? dead"
        ));
        // Nothing to be left.
        play(
            "op LOGIN clear
             S: 220 a
             C: USER fred
             S: 230 b
             C: FEAT
             S: 500
             = done 220 230",
        );
    }
}

// RFC 2389, RFC 2640 §3.
mod features {
    use super::play;

    const IN: &str = "S: 220 ready\nC: USER fred\nS: 230 welcome\n";

    #[test]
    fn are_asked_for_once() {
        play(&format!("op LOGIN features=UTF8\n{IN}= done 220 230"));
        play(&format!(
            "op LOGIN features=UTF8 utf8
             {IN}C: OPTS UTF8 ON
             S: 200 on
             = done 220 230"
        ));
    }

    #[test]
    fn utf8_refused_is_fine() {
        play(&format!(
            "op LOGIN utf8
             {IN}C: FEAT
             S: 211-a\\n UTF8\\n211 b
             C: OPTS UTF8 ON
             S: 501 is always on
             = done 220 230"
        ));
    }

    #[test]
    fn utf8_is_not_asked_for_where_it_is_none() {
        for reply in ["211-a\\n MDTM\\n211 b", "211 none", "500 what", "530 no"] {
            play(&format!(
                "op LOGIN utf8\n{IN}C: FEAT\nS: {reply}\n= done 220 230"
            ));
        }
    }
}
