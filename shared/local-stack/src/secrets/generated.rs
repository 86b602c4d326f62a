//! The values of the secrets that the template generates, as Secrets Manager would create them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::rand;

/// Loads the value in `file`, or creates one of `length` characters that only the owner can read.
/// Without a file, each start creates a new value.
pub(crate) fn load_or_create(file: Option<&Path>, length: usize) -> io::Result<String> {
    let Some(file) = file else { return generate(length) };
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let value = generate(length)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
            file.write_all(value.as_bytes())?;
            Ok(value)
        }
        found => found,
    }
}

/// Hexadecimal digits: every permitted character set contains them.
fn generate(length: usize) -> io::Result<String> {
    let mut bytes = vec![0; length.div_ceil(2)];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system's random generator failed"))?;
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).take(length).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_value_is_generated_once_and_only_the_owner_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        let first = load_or_create(Some(&file), 63).unwrap();
        assert_eq!((first.len(), load_or_create(Some(&file), 63).unwrap()), (63, first.clone()));
        assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{first}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_file_each_value_is_new() {
        assert_ne!(load_or_create(None, 64).unwrap(), load_or_create(None, 64).unwrap());
    }
}
