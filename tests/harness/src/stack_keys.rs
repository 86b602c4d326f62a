//! The RSA keys of test stacks. A stack needs two to four, and making one takes longer than all else at its start,
//! so the stacks of a test program share those that the first ones made.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Their files in a stack's data.
const FILES: [&str; 4] = [
    "issuer-key.pkcs8",
    "transmitter-key.pkcs8",
    "acs/signing-key.der",
    "acs/entra-signing-key.der",
];

static MADE: Mutex<BTreeMap<&str, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// Writes the keys that other stacks have made into the data of a new stack.
pub(crate) fn give(data: &Path) -> io::Result<()> {
    if data.exists() {
        return Ok(());
    }
    fs::create_dir_all(data.join("acs"))?;
    let made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    for (file, key) in &*made {
        fs::write(data.join(file), key)?;
    }
    Ok(())
}

/// Keeps the keys that a stack has made.
pub(crate) fn keep(data: &Path) {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    for file in FILES {
        if let Ok(key) = fs::read(data.join(file)) {
            made.entry(file).or_insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_stack_gets_the_keys_of_the_first_one_and_an_old_stack_keeps_its_data() {
        let parent = tempfile::tempdir().unwrap();
        let [first, new, old] = ["first", "new", "old"].map(|name| parent.path().join(name));
        fs::create_dir_all(first.join("acs")).unwrap();
        fs::write(first.join("acs/signing-key.der"), "key").unwrap();
        fs::create_dir(&old).unwrap();
        keep(&first);
        give(&new).unwrap();
        give(&old).unwrap();
        assert_eq!(fs::read_to_string(new.join("acs/signing-key.der")).unwrap(), "key");
        assert_eq!(fs::read_dir(old).unwrap().count(), 0);
    }
}
