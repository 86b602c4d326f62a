use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use harness::wait_until;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::interrupt;

/// A program in a terminal.
#[derive(Debug)]
pub struct OnTerminal {
    process: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
}

impl OnTerminal {
    /// Starts the program in a terminal of 80 columns.
    pub fn start(command: Command) -> Self {
        Self::with_columns(command, 80)
    }

    /// Starts the program.
    pub fn with_columns(mut command: Command, columns: u16) -> Self {
        let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let dimensions = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, dimensions).unwrap();
        let side = || Stdio::from(slave.try_clone().unwrap());
        command.env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        let process = command.spawn().unwrap();
        drop((command, slave));
        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut reader, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails after the program has ended.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Self { process, keyboard, screen }
    }

    /// Waits until the terminal shows this text.
    pub fn shows(&self, text: &str) {
        let is_shown = wait_until(Duration::from_mins(1), || self.screen().contains(text));
        assert!(is_shown, "{text:?} does not appear:\n{}", self.screen());
    }

    /// All that was shown.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Types a text.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Sends the same signal as Ctrl-C.
    pub fn interrupt(&self) {
        interrupt(&self.process);
    }

    /// Waits until the program ends. Returns its exit code.
    pub fn ends(&mut self) -> i32 {
        self.process.wait().unwrap().code().unwrap_or(-1)
    }
}
