#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::issue_access_token(input));
