#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::revoke_access_tokens(input));
