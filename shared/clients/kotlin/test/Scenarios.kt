/** Runs the scenarios that all clients share. */
package guestpass

import java.io.File
import java.io.IOException
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone
import java.util.concurrent.Executor
import kotlin.system.exitProcess

private typealias Json = Map<String, Any?>

/** The moment at which each scenario starts: 2026-11-22T12:00:00Z. */
private const val START = 1_795_348_800_000L

@Suppress("UNCHECKED_CAST")
private fun Any?.json() = this as Json

private fun Any?.millis() = ((this as Double) * 1000).toLong()

private fun seconds(milliseconds: Long) = (milliseconds - START) / 1000.0

private fun formatted(format: String, time: Long) = SimpleDateFormat(format, Locale.US).apply { timeZone = TimeZone.getTimeZone("UTC") }.format(Date(time))

/** A clock whose timers run only when the scenario says so, and which can jump as in sleep. */
internal class VirtualClock(private val fraction: Double) : Clock {
    private class Timer(val at: Long, val action: () -> Unit)

    var ran = 0L
    var slept = 0L
    private val timers = mutableListOf<Timer>()

    override fun now() = START + ran + slept
    override fun random() = fraction
    override fun after(milliseconds: Long, action: () -> Unit): () -> Unit {
        val timer = Timer(ran + milliseconds, action)
        timers += timer
        return { timers -= timer }
    }

    /** Runs the timers of the next [milliseconds], each at its time. */
    fun run(milliseconds: Long) {
        val end = ran + milliseconds
        while (true) {
            val next = timers.filter { it.at <= end }.minByOrNull { it.at } ?: break
            timers -= next
            ran = maxOf(ran, next.at)
            next.action()
        }
        ran = end
    }
}

/** Thrown for an answer that never comes: the request stays open. */
private class Hangs : Error()

/** What the service says to a guest beside the token. */
private const val INVITATION =
    ""","meeting":{"joinUrl":"https://teams.microsoft.com/l/meetup-join/1"},"displayName":"Ada","opensAt":"2026-11-22T11:45:00Z","closesAt":"2026-11-22T15:00:00Z""""

/** A storage for the secret of a device, which keeps it, forgets it or throws. New secrets are device-1, device-2, … */
private class VirtualDevice(var value: String?, var mode: String, val handle: String) : TokenStorage {
    private val created = mutableListOf<String>()

    override fun load(): String? = if (mode == "throws") error("locked") else value

    override fun save(value: String?) {
        check(mode != "throws") { "locked" }
        if (mode == "keeps") created += value!!.also { this.value = it }
    }

    fun name(secret: String?) = created.indexOf(secret).let { if (it < 0) secret else "device-${it + 1}" }

    /** The device and the PIN of a request. */
    fun proofOf(url: String, bearer: String?, body: String?): String {
        check(url == "https://guestpass.example/v1/guest/token" && bearer == null) { "wrong request: $url" }
        val json = parseJson(body!!)!!
        check(json.keys - setOf("handle", "device", "pin") == emptySet<String>() && json["handle"] == handle) { "wrong body" }
        check(json["device"] == value) { "the device secret was not kept before the request" }
        return listOfNotNull(name(json["device"] as String), json["pin"]).joinToString(" ")
    }
}

/** The network of a scenario: gives its answers in their order. */
private class VirtualServer(private val clock: VirtualClock, private val scenario: Json, private val guest: VirtualDevice?) : Transport {
    val sent = mutableListOf<String>()
    var unexpected: String? = null
    private val answers = (scenario["answers"] as List<*>).map { it.json() }.toMutableList()
    private val ahead = ((scenario["deviceAhead"] ?: 0.0) as Double).toLong() * 1000

    override fun send(method: String, url: String, bearer: String?, body: String?, timeoutMs: Int): Answer {
        val teams = scenario["teams"] == true && method == "POST"
        sent += "$method " + if (teams) "$bearer ${entraToken(body)}" else guest?.proofOf(url, bearer, body) ?: bearer
        val path = if (teams) "/v1/token/teams" else "/v1/token"
        if (guest == null) check(url == "https://guestpass.example$path") { "wrong URL: $url" }
        val answer = if (scenario["repeatLast"] == true && answers.size == 1) answers[0] else answers.removeFirstOrNull()
        if (answer == null) {
            unexpected = "the scenario has no answer for request ${sent.size}"
            throw IOException(unexpected)
        }
        if (answer["network"] == true) throw IOException("connection reset")
        if (answer["hang"] == true) throw Hangs()
        val headers = answer["headers"].let { it?.json() ?: emptyMap() }
        val retryAfter = headers["retry-after"].let { if (it is Map<*, *>) formatted("EEE, dd MMM yyyy HH:mm:ss 'GMT'", START + it["date"].millis()) else it as String? }
        return Answer(((answer["status"] ?: 200.0) as Double).toInt(), textOf(answer), retryAfter, headers["x-request-id"] as String?)
    }

    private fun entraToken(body: String?): Any? {
        val json = parseJson(body!!)!!
        check(json.keys == setOf("appId", "token") && json["appId"] == "app") { "wrong body" }
        return json["token"]
    }

    private fun textOf(answer: Json) = when {
        answer["html"] == true -> "<!doctype html><title>Error</title>"
        answer["token"] != null -> tokenText(answer)
        answer["text"] != null -> answer["text"] as String
        else -> written(answer["body"])
    }

    /** The body of the service, whose clock is right. */
    private fun tokenText(answer: Json): String {
        val now = clock.now() - ahead
        val lifetime = (answer["expiresIn"] ?: 3600.0).millis()
        val refresh = formatted("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", now + (answer["refreshIn"] ?: 2400.0).millis())
        return """{"token":"${answer["token"]}","expiresOnTimestamp":${now + lifetime},"expiresIn":${lifetime / 1000},""" +
            """"refreshAfter":"$refresh","user":{"communicationUserId":"8:acs:user"}${if (guest != null) INVITATION else ""}}"""
    }
}

private fun written(value: Any?): String = when (value) {
    is Map<*, *> -> value.entries.joinToString(",", "{", "}") { (name, it) -> "\"$name\":${written(it)}" }
    is String -> "\"$value\""
    is Double -> value.toLong().toString()
    else -> "$value"
}

private class VirtualStorage(var value: String?) : TokenStorage {
    override fun load() = value
    override fun save(value: String?) {
        this.value = value
    }
}

/** The client of a scenario: that of a user, or that of a guest. */
private class ScenarioClient(val user: GuestpassTokenSource?, val guest: GuestpassGuestSource?) {
    val state get() = user?.state ?: guest!!.state
    val refresh = user?.asyncRefresher() ?: guest!!.asyncRefresher()
    fun wake() = user?.wake() ?: guest!!.wake()
    fun dispose() = user?.dispose() ?: guest!!.dispose()
    fun fetch(pin: String?, force: Boolean, maxWait: Long, done: (GuestpassToken?, GuestpassException?) -> Unit) =
        user?.fetchAsync(force, maxWait, done) ?: guest!!.fetchAsync(pin, force, maxWait, done)
}

/** What a call returned: a token, the action of its error, `done` or `pending`. */
private class Call {
    var result = "pending"
    var token: GuestpassToken? = null
    var error: GuestpassException? = null

    val done: (GuestpassToken?, GuestpassException?) -> Unit = { token, error ->
        check(result == "pending") { "the call ended twice" }
        this.token = token
        this.error = error
        result = error?.let { actionOf(it) } ?: token?.token ?: "done"
    }
}

private fun actionOf(error: GuestpassException) = error.action.name.lowercase().replace('_', '-')

/** The handle of the invitation, unless a scenario has another one. */
private const val HANDLE = "gp_0000000000000000000000"

private class Scenario(scenario: Json) {
    private val clock = VirtualClock((scenario["random"] ?: 0.0) as Double)
    private val device = scenario["guest"]?.json()?.let { VirtualDevice(scenario["stored"] as String?, (it["storage"] ?: "keeps") as String, (it["handle"] ?: HANDLE) as String) }
    private val server = VirtualServer(clock, scenario, device)
    private var bearers = (scenario["bearers"] as List<*>?)?.toMutableList()
    private var forced = 0
    private var forcedTeams = 0
    private val teams = TeamsUser("app", ::entraToken).takeIf { scenario["teams"] == true }
    private val storage = if ("stored" in scenario) VirtualStorage(stored(scenario["stored"])) else null
    private val states = mutableListOf<String>()
    private val calls = mutableMapOf<String, Call>()
    private val background = Executor { action -> try { action.run() } catch (_: Hangs) { } }
    private val source = if (device == null) ScenarioClient(userSource(), null) else ScenarioClient(null, guestSource(scenario["guest"].json()))

    private fun guestSource(guest: Json) = GuestpassGuestSource(
        GuestpassGuestOptions(
            url = "https://guestpass.example/",
            handle = device!!.handle,
            device = device,
            pin = guest["pin"] as String?,
            onState = { states += it.name },
            clock = clock,
            transport = server,
            background = background,
        ),
    )

    private fun userSource() = GuestpassTokenSource(
        GuestpassOptions(
            url = "https://guestpass.example/",
            storage = storage,
            teams = teams,
            onState = { states += it.name },
            clock = clock,
            transport = server,
            background = background,
            getBearer = ::bearer,
        ),
    )

    private fun entraToken(forceRefresh: Boolean): String {
        if (forceRefresh) forcedTeams++
        return "entra-${forcedTeams + 1}"
    }

    private fun stored(value: Any?): String? = if (value !is Map<*, *>) value as String? else {
        val (expires, refresh) = listOf("expiresIn", "refreshIn").map { clock.now() + value[it].millis() }
        """{"token":"${value["token"]}","expiresOn":$expires,"refreshAfter":$refresh,"user":"8:acs:user"}"""
    }

    private fun bearer(forceRefresh: Boolean): String? {
        if (forceRefresh) forced++
        val all = bearers ?: return "bearer-${forced + 1}"
        val next = if (all.size > 1) all.removeFirst() else all[0]
        if (next !is Map<*, *>) return next as String?
        throw IOException("${next["throws"]}")
    }

    fun step(step: Json) {
        step["at"]?.let { clock.run(it.millis() - clock.ran) }
        step["run"]?.let { clock.run(it.millis()) }
        step["sleep"]?.let { clock.slept += it.millis() }
        step["storage"]?.let { device!!.mode = it as String }
        step["bearers"]?.let { bearers = (it as List<*>).toMutableList() }
        step["call"]?.let { call(it as String, step) }
        clock.run(0)
        check(server.unexpected == null) { server.unexpected!! }
        step["expect"]?.json()?.forEach { (what, expected) -> expect(what, expected) }
    }

    private fun call(name: String, step: Json) {
        if (name == "wake") return source.wake()
        if (name == "dispose") return source.dispose()
        val call = Call().also { calls[step["as"] as String] = it }
        val maxWait = step["maxWait"]?.millis() ?: 30_000
        when (name) {
            "fetch" -> source.fetch(step["pin"] as String?, step["force"] == true, maxWait, call.done)
            "refresh" -> source.refresh(call.done)
            "signOut" -> source.user!!.signOutAsync(maxWait, call.done)
            else -> error("unknown call $name")
        }
    }

    private fun expect(what: String, expected: Any?) {
        val waiting = source.state as? State.Waiting
        val actual: Any? = when (what) {
            "state" -> source.state.name
            "states" -> states
            "sent" -> server.sent
            "requests" -> server.sent.size.toDouble()
            "retryAt" -> waiting?.let { seconds(it.retryAt) }
            "tokenValid" -> waiting?.tokenValid
            "expiresAt" -> seconds(calls["a"]!!.token!!.expiresOn)
            "user" -> (source.state as State.Ready).communicationUserId
            "device" -> device!!.name(device.value)
            "meeting" -> mapOf("joinUrl" to ((calls["a"]!!.token as GuestToken).meeting as Meeting.Link).joinUrl)
            "displayName" -> (calls["a"]!!.token as GuestToken).displayName
            "opensAt" -> (calls["a"]!!.token as GuestToken).opensAt
            "closesAt" -> (calls["a"]!!.token as GuestToken).closesAt
            "stored" -> storage!!.value?.let { parseJson(it)!!["token"] }
            else -> calls[what]!!.run { if (expected is Map<*, *>) expected.keys.associateWith { member(error!!, it as String) } else result }
        }
        check(actual == expected) { "$what: expected $expected, was $actual" }
    }

    private fun member(error: GuestpassException, name: String): Any? = when (name) {
        "action" -> actionOf(error)
        "status" -> error.status?.toDouble()
        "type" -> error.type
        "requestId" -> error.requestId
        else -> error("unknown member $name")
    }
}

fun main(arguments: Array<String>) {
    val all = parseJson(File(arguments[0]).readText())!!["scenarios"] as List<*>
    val scenarios = all.map { it.json() }.filter { (it["only"] ?: "kotlin") == "kotlin" }
    val failed = scenarios.count { scenario ->
        val running = Scenario(scenario)
        val wrong = (scenario["steps"] as List<*>).withIndex().firstNotNullOfOrNull { (number, step) ->
            runCatching { running.step(step.json()) }.exceptionOrNull()?.let { "step ${number + 1}: $it" }
        }
        if (wrong != null) println("not ok: ${scenario["name"]}\n  $wrong")
        wrong != null
    }
    println("${scenarios.size - failed} passed, $failed failed")
    exitProcess(if (failed == 0) 0 else 1)
}
