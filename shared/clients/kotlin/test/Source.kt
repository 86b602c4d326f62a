/** Tests of what the scenarios do not say: the order of storage calls, and callbacks of the app that throw. */
package guestpass

import kotlin.system.exitProcess

/** A background thread whose work waits until the test runs it, in any order. */
private class Background {
    val waiting = mutableListOf<Runnable>()

    fun runLast() = waiting.removeAt(waiting.lastIndex).run()
}

private class Fixture(
    storage: TokenStorage? = null,
    onState: (State) -> Unit = {},
    failures: Int = 0,
    url: String = "https://guestpass.example",
) {
    val clock = VirtualClock(0.0)
    val background = Background()
    var requests = 0
        private set
    val source = GuestpassTokenSource(
        GuestpassOptions(
            url = url,
            storage = storage,
            onState = onState,
            clock = clock,
            transport = { method, _, _, _, _ ->
                requests++
                if (method == "DELETE") Answer(204, "", null, null)
                else if (requests <= failures) Answer(503, "", null, null)
                else Answer(200, """{"token":"t$requests","expiresIn":3600}""", null, null)
            },
            background = { background.waiting += it },
            getBearer = { "bearer" },
        ),
    )

    /** Runs all work and timers of now, the latest work first. */
    fun settle() {
        clock.run(0)
        while (background.waiting.isNotEmpty()) {
            background.runLast()
            clock.run(0)
        }
    }
}

private class RecordingStorage : TokenStorage {
    val calls = mutableListOf<String>()
    override fun load(): String? = null.also { calls += "load" }
    override fun save(value: String?) {
        calls += if (value == null) "delete" else "save"
    }
}

/** Collects the errors that reach the uncaught handler of this thread. */
private fun uncaughtBy(action: () -> Unit): List<String?> {
    val messages = mutableListOf<String?>()
    val thread = Thread.currentThread()
    val before = thread.uncaughtExceptionHandler
    thread.setUncaughtExceptionHandler { _, error -> messages += error.message }
    try {
        action()
    } finally {
        thread.uncaughtExceptionHandler = before
    }
    return messages
}

private fun expectEqual(actual: Any?, expected: Any?) = check(actual == expected) { "expected $expected, was $actual" }

private val TESTS = mapOf<String, () -> Unit>(
    "a slow save of a token does not overwrite the deletion of a sign-out" to {
        val storage = RecordingStorage()
        with(Fixture(storage)) {
            var result: String? = null
            source.fetchAsync { token, _ -> result = token?.token }
            while (result == null) {
                clock.run(0)
                if (result == null) background.runLast()
            }
            source.signOutAsync { _, _ -> }
            settle()
        }
        expectEqual(storage.calls, listOf("load", "save", "delete"))
    },
    "a token that is being deleted is not loaded" to {
        val storage = RecordingStorage()
        with(Fixture(storage)) {
            source.signOutAsync { _, _ -> }
            source.fetchAsync { _, _ -> }
            settle()
        }
        expectEqual(storage.calls, listOf("delete", "load", "save"))
    },
    "a storage that fails stops no later call" to {
        val storage = object : TokenStorage {
            val calls = mutableListOf<String>()
            override fun load(): String? = null
            override fun save(value: String?) {
                calls += if (value == null) "delete" else "save"
                error("the storage is locked")
            }
        }
        with(Fixture(storage)) {
            source.fetchAsync { _, _ -> }
            settle()
            source.signOutAsync { _, _ -> }
            settle()
        }
        expectEqual(storage.calls, listOf("save", "delete"))
    },
    "a listener that throws reaches the uncaught handler, and stops neither the refresh nor a caller" to {
        var results = listOf<String?>()
        val seen = mutableListOf<String>()
        val errors = uncaughtBy {
            with(Fixture(onState = { error("the listener of the app") }, failures = 1)) {
                source.subscribe { seen += it.name }
                source.fetchAsync { token, _ -> results += token?.token }
                settle()
                clock.run(1000)
                settle()
                clock.run(2_400_000)
                settle()
            }
        }
        expectEqual(results, listOf("t2"))
        expectEqual(seen, listOf("requesting", "waiting", "ready", "ready"))
        expectEqual(errors, List(4) { "the listener of the app" })
    },
    "a callback that throws reaches the uncaught handler, and stops no other caller" to {
        val results = mutableListOf<String?>()
        val errors = uncaughtBy {
            with(Fixture()) {
                source.fetchAsync { _, _ -> error("the callback of the app") }
                source.fetchAsync { token, _ -> results += token?.token }
                settle()
            }
        }
        expectEqual(results, listOf("t1"))
        expectEqual(errors, listOf("the callback of the app"))
    },
    "an address without https:// fails for good, and sends nothing" to {
        for (url in listOf("", "api.example.com", "localhost:3000", "https://", "ftp://example.com")) with(Fixture(url = url)) {
            var problem: GuestpassException? = null
            source.fetchAsync { _, error -> problem = error }
            settle()
            expectEqual(url to problem?.message, url to "`url` must begin with https://")
            expectEqual(source.state.name, "failed")
            expectEqual(requests, 0)
        }
    },
    "no state and no exception of a guest shows the handle, the device, the PIN or the meeting" to {
        val (handle, pin, secret) = listOf("gp_" + "h".repeat(22), "483920", "d".repeat(22))
        val seen = mutableListOf<String>()
        val kinds = listOf("pin-wrong", "pin-required", "invitation-unknown", "invitation-closed", "invitation-revoked", "invitation-used-up", "invitation-locked", "internal")
        val answers = kinds.map { Answer(403, """{"type":"/problems/$it","title":"refused","retry":"never"}""", null, null) } +
            Answer(200, """{"token":"t1","expiresIn":3600,"meeting":{"joinUrl":"https://teams.example/secret"}}""", null, null)
        for (answer in answers) for (handleOfLink in listOf(handle, "$handle-x")) {
            val clock = VirtualClock(0.0)
            val device = object : TokenStorage {
                override fun load() = secret
                override fun save(value: String?) = Unit
            }
            val source = GuestpassGuestSource(
                GuestpassGuestOptions("https://guestpass.example", handleOfLink, device, pin, { seen += "$it ${it.problem}" }, 30_000, clock, { _, _, _, _, _ -> answer }, { it.run() }),
            )
            source.fetchAsync { token, error -> seen += "$token ${token?.meeting} $error" }
            clock.run(0)
        }
        check(seen.size > 2 * answers.size) { "${seen.size} texts" }
        for (hidden in listOf(handle, pin, secret, "teams.example")) check(seen.none { hidden in it }) { "$hidden is shown" }
    },
    "a guest's device secret has 24 letters, is kept once, and serves all invitations" to {
        val kept = mutableListOf<String?>()
        val device = object : TokenStorage {
            override fun load() = kept.lastOrNull()
            override fun save(value: String?) = kept.plusAssign(value)
        }
        val sent = mutableListOf<String?>()
        repeat(3) { number ->
            val clock = VirtualClock(0.0)
            val transport = Transport { _, _, _, body, _ -> Answer(404, "{}", null, null).also { sent += parseJson(body!!)!!["device"] as String } }
            GuestpassGuestSource(GuestpassGuestOptions("https://guestpass.example", "gp_$number" + "0".repeat(21), device, clock = clock, transport = transport, background = { it.run() }))
                .fetchAsync { _, _ -> }
            clock.run(0)
        }
        expectEqual(kept.size, 1)
        check(Regex("[A-Za-z0-9_-]{24}").matches(kept[0]!!)) { "it is not base64url" }
        expectEqual(sent, List(3) { kept[0] })
    },
    "the thread of the system clock reports errors, too" to {
        val errors = java.util.concurrent.LinkedBlockingQueue<String>()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> errors += "${error.message}" }
        SystemClock.after(0) { error("the callback of the app") }
        val message = errors.poll(10, java.util.concurrent.TimeUnit.SECONDS)
        Thread.setDefaultUncaughtExceptionHandler(before)
        expectEqual(message, "the callback of the app")
    },
)

fun main() {
    val failed = TESTS.count { (name, test) ->
        val error = runCatching(test).exceptionOrNull()
        if (error != null) println("not ok: $name\n  $error")
        error != null
    }
    println("${TESTS.size - failed} passed, $failed failed")
    exitProcess(if (failed == 0) 0 else 1)
}
