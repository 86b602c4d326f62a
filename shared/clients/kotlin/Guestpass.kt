/**
 * Tokens of Azure Communication Services from a Guestpass service, for Microsoft's CommunicationTokenCredential on
 * Android and the JVM. One file without dependencies: copy it into your app. README.md says how to use it.
 */
package guestpass

import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.text.ParseException
import java.text.SimpleDateFormat
import java.util.Locale
import java.util.TimeZone
import java.util.concurrent.ArrayBlockingQueue
import java.util.concurrent.Callable
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import java.util.concurrent.ScheduledThreadPoolExecutor
import java.util.concurrent.TimeUnit

/** What the app should do about an error. The last three are those of guests. */
enum class Action { RETRY, SIGN_IN, BLOCKED, GIVE_UP, NONE, PIN, ASK_HOST, STORAGE }

/** The base of all errors. No member contains a token. [status], [type] and [requestId] are those of the response. */
sealed class GuestpassException(val action: Action, message: String, answer: Answer?, val type: String?, cause: Throwable?) :
    Exception(message, cause) {
    val status: Int? = answer?.status
    val requestId: String? = answer?.requestId
}

/** A temporary error. The source retries by itself; show that the app is offline, if it lasts. */
class RetryLaterException(message: String, answer: Answer? = null, type: String? = null, cause: Throwable? = null, val retryAfterMs: Long? = null) :
    GuestpassException(Action.RETRY, message, answer, type, cause)

/** The identity provider's session ended, or the user was signed out. Let the user sign in, then call `fetch`. */
class SignInRequiredException(message: String, answer: Answer? = null, type: String? = null, cause: Throwable? = null) :
    GuestpassException(Action.SIGN_IN, message, answer, type, cause)

/** The user is blocked. Leave calls and chats, and say so. */
class BlockedException(message: String, answer: Answer? = null, type: String? = null) :
    GuestpassException(Action.BLOCKED, message, answer, type, null)

/** The same request cannot succeed: the app or the deployment must be changed. Report it with [requestId]. */
class GiveUpException(message: String, answer: Answer? = null, type: String? = null, cause: Throwable? = null) :
    GuestpassException(Action.GIVE_UP, message, answer, type, cause)

/** The app itself ended the call, by a sign-out or by `dispose`. Nothing to do. */
class EndedException(message: String) : GuestpassException(Action.NONE, message, null, null, null)

/** An ACS access token. Times are milliseconds since 1970 by the clock of the device, even if that clock is wrong. */
open class GuestpassToken(val token: String, val expiresOn: Long, val refreshAfter: Long, val communicationUserId: String) {
    override fun toString() = "GuestpassToken($communicationUserId, expires on $expiresOn)"
}

/** What the app should show. A state has no token. Those of guests are in GuestpassGuest.kt. */
sealed class State(val name: String, internal val problem: GuestpassException? = null) {
    /** No token was requested yet. */
    object Idle : State("idle")
    /** A request is sent. */
    object Requesting : State("requesting")
    /** There is a valid token. */
    class Ready(val communicationUserId: String, val expiresOn: Long, val refreshAfter: Long) : State("ready")
    /** A request failed and is repeated at [retryAt]. If [tokenValid], calls and chats work until the token expires. */
    class Waiting(val error: RetryLaterException, val retryAt: Long, val tokenValid: Boolean) : State("waiting")
    /** The user has to sign in. Call `fetch` afterwards. */
    class SignIn(val error: SignInRequiredException) : State("sign-in", error)
    /** The user is blocked. */
    class Blocked(val error: BlockedException) : State("blocked", error)
    /** The app or the deployment has to be changed. */
    class Failed(val error: GiveUpException) : State("failed", error)
    /** The app signed the user out. `fetch` starts again. */
    object SignedOut : State("signed-out")
    /** The source cannot be used any more. */
    object Disposed : State("disposed")
}

/** Where tokens are kept between starts of the app. Encrypt what you store, and use another place for each user. */
interface TokenStorage {
    fun load(): String?
    /** `null` deletes what is stored. */
    fun save(value: String?)
}

/** Time and randomness. All actions run on one thread, that of the source. */
interface Clock {
    fun now(): Long
    fun random(): Double
    /** Runs an action after some milliseconds, and returns what cancels that. */
    fun after(milliseconds: Long, action: () -> Unit): () -> Unit
}

/** A response whose body was read. */
class Answer(val status: Int, val text: String, val retryAfter: String?, val requestId: String?)

/** Sends a request, and blocks until the response is read. The requests of guests have no bearer. */
fun interface Transport {
    @Throws(IOException::class)
    fun send(method: String, url: String, bearer: String?, body: String?, timeoutMs: Int): Answer
}

/**
 * A Teams user, whose Entra token is exchanged for an ACS token. Entra has issued the bearer of `getBearer`, too.
 *
 * @property appId the Entra application (client) id of the app
 * @property getToken returns the user's Entra token for `https://auth.msft.communication.azure.com` with Teams.ManageCalls
 *   and Teams.ManageChats, or `null` if the user has to sign in. An ACS token ends with the Entra token it was exchanged
 *   for, so a refresh asks with `forceRefresh`. It runs on a background thread
 */
class TeamsUser(val appId: String, val getToken: (forceRefresh: Boolean) -> String?)

/**
 * @property url the URL of the service, without `/v1/token`
 * @property getBearer returns the access token that your identity provider issued to the user, or `null` if the user has
 *   to sign in. With `forceRefresh`, get a new one past the cache of your library. It runs on a background thread. If it
 *   throws, the source retries, unless the error says that the user has to sign in, such as `MsalUiRequiredException`
 * @property requestBody the JSON of the request, for example `{"scopes":["voip"]}`; what the policy gives if `null`
 * @property teams the Teams user whose Entra token is exchanged; `requestBody` is not used then
 * @property onState called with each new state, on the thread of the source: do not block it
 * @property timeoutMs for one request
 */
class GuestpassOptions(
    val url: String,
    val requestBody: String? = null,
    val storage: TokenStorage? = null,
    val teams: TeamsUser? = null,
    val onState: (State) -> Unit = {},
    val timeoutMs: Int = 30_000,
    val clock: Clock = SystemClock,
    val transport: Transport = Transport(::sendByHttpUrlConnection),
    val background: Executor = BACKGROUND,
    val getBearer: (forceRefresh: Boolean) -> String?,
)

internal typealias Done = (GuestpassToken?, GuestpassException?) -> Unit

/** A request for a token, and for a sign-out. [body] is that for a token. */
internal class TokenRequest(val path: String, val bearer: String?, val body: String?)

/** How a source requests tokens: as a user with a bearer, or as a guest with an invitation. */
internal interface Exchange {
    /**
     * Makes a request, on a background thread. It may throw an error that the source shows.
     *
     * @param renews whether the new token is to replace one; `null` for a sign-out
     */
    fun prepare(forceRefresh: Boolean, renews: Boolean?): TokenRequest

    fun tokenOf(answer: Answer, sentAt: Long): GuestpassToken?

    /** What a response that is not a token means. */
    fun errorOf(answer: Answer, now: Long): GuestpassException

    /** The state for an error that users do not have. */
    fun stateOf(error: GuestpassException): State?
}

/** A source of tokens for one user. Its state belongs to one thread, on which all of its private functions run. */
class GuestpassTokenSource internal constructor(private val options: GuestpassOptions, private val exchange: Exchange) {
    constructor(options: GuestpassOptions) : this(options, UserExchange(options))

    /** A request with its repetitions, which all callers share. A token that is [than] is not wanted. */
    private class Flight(val method: String, val than: String?) {
        val callers = mutableListOf<Done>()
        var ended = false
        var backoff = 0L
        var refusals = 0
        var forceRefresh = false
        var attempt = 0
    }

    private val clock = options.clock
    private val listeners = mutableListOf(options.onState)
    private var held: GuestpassToken? = null
    private var flight: Flight? = null
    private var signingOut: Flight? = null
    private var nap: Pause? = null
    private var napIsOffline = false
    private val storageQueue = ArrayDeque<() -> Unit>()
    private var waitingForLoad: MutableList<() -> Unit>? = null
    private var loaded = options.storage == null
    private var refusedBearer: String? = null
    private var holdUntil = 0L
    private var lastError: RetryLaterException? = null

    /** The current state. */
    @Volatile
    var state: State = State.Idle
        private set

    /** A token that is valid for at least a minute. Blocks: call it on a background thread. */
    @Throws(GuestpassException::class)
    fun fetch(force: Boolean = false, maxWaitMs: Long = 30_000): GuestpassToken = await { fetchAsync(force, maxWaitMs, it) }!!

    /**
     * The same, with a callback on the thread of the source. After [maxWaitMs], the call fails with the last temporary
     * error, and the source goes on.
     */
    fun fetchAsync(force: Boolean = false, maxWaitMs: Long = 30_000, done: Done) = onThread { get(FETCH_MARGIN, true, force, limited(maxWaitMs, done)) }

    /**
     * Forgets the token at once, revokes all tokens of the user, and returns when ACS has confirmed it. If it fails, the
     * tokens may still be valid: call it again. Blocks: call it on a background thread.
     */
    @Throws(GuestpassException::class)
    fun signOut(maxWaitMs: Long = 30_000) {
        await { signOutAsync(maxWaitMs, it) }
    }

    /** The same, with a callback on the thread of the source. */
    fun signOutAsync(maxWaitMs: Long = 30_000, done: Done) = onThread {
        if (state === State.Disposed) return@onThread done(null, EndedException("the source is disposed"))
        end(State.SignedOut)
        store(null)
        val mine = Flight("DELETE", null)
        signingOut = mine
        val cancel = clock.after(maxWaitMs) {
            finish(mine, null, lastError ?: RetryLaterException("the sign-out is not confirmed yet"))
        }
        mine.callers += { token, error ->
            cancel()
            done(token, error)
        }
        lastError = null
        attempt(mine)
    }

    /**
     * The `tokenRefresher` of a `CommunicationTokenRefreshOptions`. Microsoft's class stops its timer after one callback that
     * failed, so this one waits until a token is there, or returns the old one as long as it is valid. It fails only if
     * the user is blocked, has to sign in, or the error is final; the next `getToken` of the credential calls it again.
     */
    fun refresher(): Callable<String> {
        val refresh = asyncRefresher()
        return Callable { await(refresh)!!.token }
    }

    /** Calls [listener] with each new state, until the returned function is called. */
    fun subscribe(listener: (State) -> Unit): () -> Unit {
        onThread { listeners += listener }
        return { onThread { listeners -= listener } }
    }

    /** Retries at once after a lost network. Call it when the app comes to the foreground or the network returns. */
    fun wake() = onThread { if (napIsOffline) nap?.end() else nap?.check() }

    /** Stops everything; the tokens stay valid. */
    fun dispose() = onThread { end(State.Disposed) }

    internal fun asyncRefresher(): (Done) -> Unit = { done ->
        onThread {
            val old = held?.takeIf { remaining() > CREDENTIAL_MARGIN }
            // While Microsoft's class waits for this call, its callers wait, too, though the old token is valid.
            if (old == null) get(REFRESHER_MARGIN, false, false, done)
            else get(REFRESHER_MARGIN, false, false, limited(LONGEST_REFRESH) { token, error -> if (error is RetryLaterException) done(old, null) else done(token, error) })
        }
    }

    private fun onThread(action: () -> Unit) {
        clock.after(0, action)
    }

    private fun await(start: (Done) -> Unit): GuestpassToken? {
        val results = ArrayBlockingQueue<() -> GuestpassToken?>(1)
        start { token, error -> results.offer { if (error != null) throw error else token } }
        return results.take()()
    }

    private fun limited(maxWaitMs: Long, done: Done): Done {
        var open = true
        val once: Done = { token, error -> if (open) { open = false; done(token, error) } }
        val cancel = clock.after(maxWaitMs) {
            once(null, (state as? State.Waiting)?.error ?: RetryLaterException("no token yet: the source goes on"))
        }
        return { token, error ->
            cancel()
            once(token, error)
        }
    }

    private fun isStopped() = state === State.SignedOut || state === State.Disposed

    private fun remaining() = held?.let { it.expiresOn - clock.now() } ?: 0

    private fun fresh(than: String? = null) = held?.takeIf { it.token != than && clock.now() < it.refreshAfter }

    private fun show(next: State) {
        state = next
        listeners.toList().forEach { listener -> reported { listener(next) } }
    }

    private fun store(token: GuestpassToken?) {
        val text = token?.let { """{"token":"${it.token}","expiresOn":${it.expiresOn},"refreshAfter":${it.refreshAfter},"user":"${it.communicationUserId}"}""" }
        options.storage?.let { enqueue { it.save(text) } }
    }

    /** Calls the storage after its calls before have ended: a slow save must not overwrite the deletion of a sign-out. */
    private fun enqueue(action: () -> Unit) {
        storageQueue += action
        if (storageQueue.size == 1) runStorageQueue()
    }

    private fun runStorageQueue() {
        val action = storageQueue.first()
        options.background.execute {
            try {
                tried(action)
            } finally {
                onThread {
                    storageQueue.removeFirst()
                    if (storageQueue.isNotEmpty()) runStorageQueue()
                }
            }
        }
    }

    private fun load(then: () -> Unit) {
        waitingForLoad?.let { it += then; return }
        waitingForLoad = mutableListOf(then)
        enqueue {
            val text = tried { options.storage!!.load() }.getOrNull()
            onThread {
                loaded = true
                val stored = text?.let { parseJson(it) }?.let { json ->
                    val (token, expires, refresh) = listOf("token", "expiresOn", "refreshAfter").map { json[it] }
                    if (token is String && expires is Double && refresh is Double) GuestpassToken(token, expires.toLong(), refresh.toLong(), "${json["user"]}") else null
                }
                if (stored != null && held == null && !isStopped() && stored.expiresOn - clock.now() > FETCH_MARGIN) accept(stored)
                waitingForLoad!!.forEach { reported(it) }
            }
        }
    }

    private fun rest(milliseconds: Long, offline: Boolean = false, then: () -> Unit) {
        nap?.cancel?.invoke()
        napIsOffline = offline
        nap = Pause(milliseconds, then)
    }

    /** Refreshes in the background, after some time and if nothing else did. */
    private fun schedule(milliseconds: Long) {
        val before = held
        rest(milliseconds) { if (held != null && held === before && flight == null && !isStopped()) start(held?.token) }
    }

    private fun accept(token: GuestpassToken) {
        held = token
        show(State.Ready(token.communicationUserId, token.expiresOn, token.refreshAfter))
        val wait = token.refreshAfter - clock.now()
        schedule(wait + (clock.random() * minOf(30_000L, maxOf(wait, 0) / 100)).toLong())
    }

    /** ACS revoked the tokens of a user who is blocked or was signed out. */
    private fun forget() {
        held = null
        store(null)
    }

    private fun end(next: State) {
        val ended = listOfNotNull(flight, signingOut)
        flight = null
        signingOut = null
        held = null
        refusedBearer = null
        nap?.cancel?.invoke()
        ended.forEach { it.ended = true }
        show(next)
        val error = EndedException("the app ended the request: ${next.name}")
        ended.flatMap { it.callers }.forEach { caller -> reported { caller(null, error) } }
    }

    private fun get(margin: Long, explicit: Boolean, force: Boolean, done: Done) {
        if (!loaded) return load { get(margin, explicit, force, done) }
        if (explicit) signingOut?.let { it.callers += { _, _ -> get(margin, true, force, done) }; return }
        if (state === State.Disposed || (isStopped() && !explicit)) return done(null, EndedException("the source is ${state.name}"))
        val token = held
        val action = state.problem?.action
        if (token != null && !force && remaining() > margin) {
            if (fresh() == null && flight == null && action != Action.GIVE_UP && action != Action.ASK_HOST) start(token.token)
            return done(token, null)
        }
        val running = flight
        val held = action == Action.BLOCKED || action == Action.GIVE_UP || action == Action.ASK_HOST
        if (running == null && held && !force && clock.now() < holdUntil) return done(null, state.problem)
        val mine = running ?: Flight("POST", token?.token)
        mine.callers += done
        if (running == null) launch(mine)
    }

    private fun start(than: String?) = launch(Flight("POST", than))

    private fun launch(mine: Flight) {
        flight = mine
        attempt(mine)
    }

    private fun attempt(mine: Flight) {
        if (mine.ended) return
        if (mine.method == "POST") fresh(mine.than)?.let { return finish(mine, it, null) }
        val number = ++mine.attempt
        options.background.execute {
            val renews = if (mine.method == "POST") mine.than != null else null
            val result = tried { exchange.prepare(mine.forceRefresh, renews) }
            onThread {
                if (!mine.ended) result.fold({ send(mine, number, it) }, { fail(mine, it as? GuestpassException ?: GiveUpException("the client failed", cause = it)) })
            }
        }
    }

    private fun send(mine: Flight, number: Int, request: TokenRequest) {
        val refused = state as? State.SignIn
        if (refused != null && request.bearer == refusedBearer && clock.now() < holdUntil) return fail(mine, refused.error)
        // A transport would fail as without a network.
        if (!WEB_ADDRESS.containsMatchIn(options.url)) return fail(mine, GiveUpException("`url` must begin with https://"))
        if (mine.method == "POST" && state !is State.Requesting && state !is State.Ready && state !is State.Waiting) show(State.Requesting)
        val sentAt = clock.now()
        val late = clock.after(options.timeoutMs.toLong()) {
            if (!mine.ended && mine.attempt == number) {
                mine.attempt++
                fail(mine, RetryLaterException("no response in time", cause = IOException("timed out")))
            }
        }
        val url = options.url.trimEnd('/') + request.path
        val body = request.body.takeIf { mine.method == "POST" }
        options.background.execute {
            val result = tried { options.transport.send(mine.method, url, request.bearer, body, options.timeoutMs) }
            onThread {
                late()
                if (!mine.ended && mine.attempt == number) receive(mine, request.bearer, sentAt, result)
            }
        }
    }

    private fun receive(mine: Flight, bearer: String?, sentAt: Long, result: Result<Answer>) {
        val answer = result.getOrElse { return fail(mine, RetryLaterException("no response: the network or a proxy failed", cause = it)) }
        if (mine.method == "DELETE" && (answer.status == 200 || answer.status == 204)) return finish(mine, null, null)
        val token = if (mine.method == "POST") exchange.tokenOf(answer, sentAt) else null
        if (token != null) return finish(mine, token, null)
        val error = exchange.errorOf(answer, clock.now())
        if (error.action == Action.SIGN_IN) {
            refusedBearer = bearer
            // If only the Entra token of a Teams user is too old, the ACS token is still valid.
            if (error.type != null && "teams-token" !in error.type) forget()
        }
        fail(mine, error)
    }

    /** Repeats the request, or ends it if its error is final. */
    private fun fail(mine: Flight, error: GuestpassException) {
        if (error !== state.problem && error is SignInRequiredException && error.status == 401 && mine.refusals < 2) {
            // `iat` has whole seconds: a bearer from the second of a sign-out is refused, too.
            mine.forceRefresh = true
            if (mine.refusals++ == 0) attempt(mine) else rest((1000 * (1.5 + clock.random())).toLong()) { attempt(mine) }
        } else if (error is RetryLaterException) {
            // openapi.yaml asks for two seconds after API Gateway's own 429, which has no Retry-After.
            if (error.retryAfterMs == null) mine.backoff = minOf(60_000L, maxOf(2 * mine.backoff, if (error.status == 429) 2000L else 1000L))
            val wait = ((error.retryAfterMs ?: mine.backoff) * (1 + clock.random() / 4)).toLong()
            mine.refusals = 0
            mine.forceRefresh = false
            lastError = error
            if (mine.method == "POST") show(State.Waiting(error, clock.now() + wait, remaining() > 0))
            rest(wait, offline = error.status == null && error.cause != null) { attempt(mine) }
        } else {
            finish(mine, null, error)
        }
    }

    private fun finish(mine: Flight, token: GuestpassToken?, error: GuestpassException?) {
        if (mine.ended) return
        mine.ended = true
        if (mine === signingOut) {
            signingOut = null
            nap?.cancel?.invoke()
        } else {
            flight = null
            if (token != null) {
                store(token)
                accept(token)
            } else if (error !== state.problem) {
                giveUp(error!!)
            }
        }
        mine.callers.forEach { caller -> reported { caller(token, error) } }
    }

    private fun giveUp(error: GuestpassException) {
        holdUntil = clock.now() + HOLD
        when (error) {
            is SignInRequiredException -> show(State.SignIn(error))
            is BlockedException -> {
                forget()
                show(State.Blocked(error))
            }
            is GiveUpException -> show(State.Failed(error))
            else -> exchange.stateOf(error)?.let { show(it) }
        }
        if (held != null && (error.action == Action.GIVE_UP || error.action == Action.ASK_HOST)) schedule(RECHECK)
    }

    /**
     * Waits until the clock of the device or the timers say that the time is over, whichever is first. Timers stand still
     * while a device sleeps, and its clock can be set back.
     */
    private inner class Pause(milliseconds: Long, private val then: () -> Unit) {
        private val due = clock.now() + milliseconds
        private var left = milliseconds
        private var open = true
        private var cancelTimer = {}
        val cancel = {
            open = false
            cancelTimer()
        }

        init {
            check()
        }

        /** Ends the pause if its time has come by the clock of the device. */
        fun check() {
            cancelTimer()
            val wait = minOf(left, due - clock.now(), 60_000)
            cancelTimer = clock.after(maxOf(wait, 0)) {
                left -= wait
                if (minOf(left, due - clock.now()) <= 0) end() else check()
            }
        }

        fun end() {
            if (!open) return
            cancel()
            then()
        }
    }
}

/** A user, with the bearer of the app. */
private class UserExchange(private val options: GuestpassOptions) : Exchange {
    private val teams = options.teams

    /** The Entra token of the last exchange was too old. */
    @Volatile
    private var expiring = false

    override fun prepare(forceRefresh: Boolean, renews: Boolean?): TokenRequest {
        val bearer = tokenOfApp("getBearer") { options.getBearer(forceRefresh) }
        if (teams == null || renews == null) return TokenRequest("/v1/token", bearer, options.requestBody)
        // An ACS token of a Teams user ends with its Entra token, so another one needs a newer one.
        val token = tokenOfApp("getToken") { teams.getToken(forceRefresh || renews || expiring) }
        return TokenRequest("/v1/token/teams", bearer, """{"appId":${quoted(teams.appId)},"token":${quoted(token)}}""")
    }

    override fun tokenOf(answer: Answer, sentAt: Long) = guestpass.tokenOf(answer, sentAt)?.also { expiring = false }

    override fun errorOf(answer: Answer, now: Long): GuestpassException {
        val error = guestpass.errorOf(answer, now)
        // An Entra token that was kept by the app's library may be too old for an exchange: a newer one helps.
        expiring = "teams-token-expir" in (error.type ?: "")
        return if (expiring && error is GiveUpException) RetryLaterException(error.message!!, answer, error.type) else error
    }

    override fun stateOf(error: GuestpassException): State? = null

    private fun tokenOfApp(name: String, ask: () -> String?): String {
        val token = try {
            ask()
        } catch (error: GuestpassException) {
            throw error
        } catch (error: Exception) {
            val text = "${error.javaClass.simpleName} ${error.message}"
            throw if (SIGN_IN.containsMatchIn(text)) SignInRequiredException("$name failed", cause = error) else RetryLaterException("$name failed", cause = error)
        }
        if (token.isNullOrEmpty()) throw SignInRequiredException("$name returned no token: the user has to sign in")
        if (token.any { it !in '!'..'~' }) throw GiveUpException("$name returned text that is not a bearer token")
        return token
    }
}

/** A text as JSON. */
private fun quoted(text: String) = "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\""

/** `fetch` returns a token that is valid for at least this long. */
private const val FETCH_MARGIN = 60_000L
/** Microsoft's classes ask ten minutes before the end, and want a token that lives longer. */
private const val REFRESHER_MARGIN = 610_000L
/** Microsoft's class asks for another token two minutes before the end, for each call. */
private const val CREDENTIAL_MARGIN = 150_000L
/** How long a refresher waits while the old token is valid. */
private const val LONGEST_REFRESH = 30_000L
/** How long a final error is the answer to further calls, so that an app that repeats its calls sends no requests. */
private const val HOLD = 60_000L
/** How often a refresh that failed for good is tried again while there is a valid token. */
private const val RECHECK = 300_000L
/** No server of this service asks for more; a wrong header must not stop an app for a day. */
private const val LONGEST_RETRY_AFTER = 900_000L

/** Errors with which libraries say that the user has to sign in: MSAL, AppAuth, Auth0, Amplify, Firebase. */
private val SIGN_IN =
    Regex("(login|interaction|consent|ui)_?required|invalid_grant|missing_refresh|un_?authenticated|notauthorized|user-token-expired", RegexOption.IGNORE_CASE)

/** An absolute URL that HTTP can reach. */
private val WEB_ADDRESS = Regex("^https?://[^/]", RegexOption.IGNORE_CASE)

private inline fun <T> tried(action: () -> T): Result<T> = try {
    Result.success(action())
} catch (error: Exception) {
    Result.failure(error)
}

/** Runs a callback of the app. Its error must not stop the source: it goes to the uncaught handler of the thread. */
private inline fun reported(callback: () -> Unit) = try {
    callback()
} catch (error: Throwable) {
    val thread = Thread.currentThread()
    thread.uncaughtExceptionHandler.uncaughtException(thread, error)
}

private fun daemon(action: Runnable) = Thread(action, "guestpass").apply { isDaemon = true }

internal val BACKGROUND: Executor = Executors.newCachedThreadPool(::daemon)

/** The clock of the device, with one thread for all sources. */
object SystemClock : Clock {
    private val executor = ScheduledThreadPoolExecutor(1, ::daemon).apply { removeOnCancelPolicy = true }
    override fun now() = System.currentTimeMillis()
    override fun random() = Math.random()
    override fun after(milliseconds: Long, action: () -> Unit): () -> Unit {
        val task = executor.schedule(Runnable { reported(action) }, milliseconds, TimeUnit.MILLISECONDS)
        return { task.cancel(false) }
    }
}

/** Sends a request as Android and the JVM can without a library. It does not follow redirects with the bearer. */
fun sendByHttpUrlConnection(method: String, url: String, bearer: String?, body: String?, timeoutMs: Int): Answer {
    val connection = URL(url).openConnection() as HttpURLConnection
    try {
        connection.requestMethod = method
        connection.connectTimeout = timeoutMs
        connection.readTimeout = timeoutMs
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        if (bearer != null) connection.setRequestProperty("Authorization", "Bearer $bearer")
        if (method == "POST") {
            connection.doOutput = true
            if (body != null) connection.setRequestProperty("Content-Type", "application/json")
            connection.outputStream.use { it.write((body ?: "").toByteArray()) }
        }
        val status = connection.responseCode
        val stream = if (status < 400) connection.inputStream else connection.errorStream
        val text = stream?.use { it.readBytes().toString(Charsets.UTF_8) } ?: ""
        return Answer(status, text, connection.getHeaderField("Retry-After"), connection.getHeaderField("x-request-id"))
    } finally {
        connection.disconnect()
    }
}

/** The token of a 200. Times of the server become times of this device, whose clock said [sentAt] before the request. */
internal fun tokenOf(answer: Answer, sentAt: Long): GuestpassToken? {
    val body = (if (answer.status == 200) parseJson(answer.text) else null) ?: return null
    val token = body["token"] as? String ?: return null
    val expires = body["expiresOnTimestamp"] as? Double
    val lifetime = (body["expiresIn"] as? Double)?.times(1000) ?: expires?.minus(sentAt) ?: return null
    if (token.isEmpty() || lifetime <= 0) return null
    val refresh = parseTimestamp(body["refreshAfter"] as? String)?.let { at -> expires?.let { at - (it - lifetime) } }
    val wait = refresh?.takeIf { it > 0 && it < lifetime } ?: (lifetime * 2 / 3)
    val user = (body["user"] as? Map<*, *>)?.get("communicationUserId") as? String
    return GuestpassToken(token, sentAt + lifetime.toLong(), sentAt + wait.toLong(), user ?: "")
}

/**
 * What a response that is not a token means. A problem document says it in `retry`. API Gateway's own responses have
 * `message` only, so their status decides. What is not JSON comes from a proxy, a captive portal or another server.
 */
internal fun errorOf(answer: Answer, now: Long): GuestpassException {
    val status = answer.status
    val body = parseJson(answer.text)
    val retry = body?.get("retry")
    val type = body?.get("type") as? String
    val about = body?.get("title") ?: body?.get("message") ?: "not a response of the service: is `url` wrong, or a proxy in between?"
    val text = "the request failed ($status): ${about.toString().take(120)}"
    val temporary = status > 499 || status in setOf(407, 408, 425, 429) || (body == null && (status < 400 || status == 403))
    return when {
        status == 403 && type?.endsWith("user-blocked") == true -> BlockedException(text, answer, type)
        retry == "sign-in" || (status == 401 && retry == null) -> SignInRequiredException(text, answer, type)
        retry == "later" || (temporary && retry == null) -> RetryLaterException(text, answer, type, retryAfterMs = retryAfterOf(answer.retryAfter, now))
        else -> GiveUpException(text, answer, type)
    }
}

private fun retryAfterOf(header: String?, now: Long): Long? {
    val wait = header?.toLongOrNull()?.let { minOf(it, LONGEST_RETRY_AFTER) * 1000 } ?: parseTime("EEE, dd MMM yyyy HH:mm:ss zzz", header)?.minus(now)
    return wait?.takeIf { it > 0 }?.coerceAtMost(LONGEST_RETRY_AFTER)
}

private fun parseTimestamp(text: String?): Long? {
    val parts = text?.let { Regex("""(.{19})(?:\.(\d{3})\d*)?Z""").matchEntire(it) }?.groupValues ?: return null
    return parseTime("yyyy-MM-dd'T'HH:mm:ss", parts[1])?.plus(parts[2].ifEmpty { "0" }.toLong())
}

private fun parseTime(format: String, text: String?): Long? = try {
    text?.let { SimpleDateFormat(format, Locale.US).apply { timeZone = TimeZone.getTimeZone("UTC") }.parse(it)?.time }
} catch (_: ParseException) {
    null
}

/** The object in a JSON text, or `null` if the text is something else. Numbers are `Double`. */
internal fun parseJson(text: String): Map<*, *>? = try {
    JsonReader(text).read() as? Map<*, *>
} catch (_: RuntimeException) {
    null
}

private class JsonReader(private val text: String) {
    private var at = 0

    fun read(): Any? = value(0).also { require(peek() == null) }

    private fun peek(): Char? {
        while (at < text.length && text[at] in " \t\r\n") at++
        return text.getOrNull(at)
    }

    private fun take(expected: Char) {
        require(peek() == expected)
        at++
    }

    private fun value(depth: Int): Any? {
        require(depth < 32)
        return when (peek()) {
            '{' -> items('}') { string().also { take(':') } to value(depth + 1) }.toMap()
            '[' -> items(']') { value(depth + 1) }
            '"' -> string()
            else -> {
                val word = Regex("""[\w+.-]+""").matchAt(text, at)!!.value
                at += word.length
                if (word == "null") null else word.toBooleanStrictOrNull() ?: word.toDouble()
            }
        }
    }

    private fun <T> items(end: Char, item: () -> T): List<T> {
        at++
        val items = mutableListOf<T>()
        if (peek() != end) {
            items += item()
            while (peek() == ',') {
                at++
                items += item()
            }
        }
        take(end)
        return items
    }

    private fun string(): String {
        take('"')
        val result = StringBuilder()
        while (text[at] != '"') {
            val next = text[at++]
            result.append(if (next == '\\') escaped() else next)
        }
        at++
        return result.toString()
    }

    private fun escaped(): Char = when (val next = text[at++]) {
        'n' -> '\n'
        't' -> '\t'
        'r' -> '\r'
        'b' -> '\b'
        'f' -> '\u000c'
        'u' -> text.substring(at, at + 4).toInt(16).toChar().also { at += 4 }
        else -> next
    }
}
