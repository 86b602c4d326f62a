#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::logout_token(input));
