/**
 * Tokens for a guest who has an invitation and no account. It needs Guestpass.kt beside it. README.md says how to use it.
 */
package guestpass

import java.security.SecureRandom
import java.util.concurrent.Callable
import java.util.concurrent.Executor

/** Where the guest is expected. It is as secret as the token: do not log it. */
sealed class Meeting {
    class Link(val joinUrl: String) : Meeting()
    class Id(val meetingId: String, val passcode: String?) : Meeting()

    override fun toString() = "Meeting(hidden)"
}

/**
 * An ACS access token, and what the invitation says. [displayName] is the name under which the guest was invited. Tokens
 * are issued from [opensAt] to [closesAt], timestamps of the service by its clock.
 */
class GuestToken internal constructor(token: GuestpassToken, val meeting: Meeting, val displayName: String?, val opensAt: String, val closesAt: String) :
    GuestpassToken(token.token, token.expiresOn, token.refreshAfter, token.communicationUserId)

/** The PIN is missing, or it was wrong: [type]. Ask for it, and pass it to `fetch`. A wrong one is not sent again. */
class PinException(message: String, answer: Answer?, type: String) : GuestpassException(Action.PIN, message, answer, type, null)

/** The invitation admits this device no more, for the reason in [type]. Only the sender of the link can help. */
class InvitationException(message: String, answer: Answer?, type: String) : GuestpassException(Action.ASK_HOST, message, answer, type, null)

/** The device secret cannot be kept, so no request was sent. */
class DeviceStorageException(message: String, cause: Throwable? = null) : GuestpassException(Action.STORAGE, message, null, null, cause)

/** Ask for the PIN, then call `fetch` with it. */
class PinState(val error: PinException) : State("pin", error)

/** Let the guest ask who invited them, for a new link or to have it unlocked. */
class AskHostState(val error: InvitationException) : State("ask-host", error)

/** Nothing was sent: the storage for the device secret failed. */
class StorageState(val error: DeviceStorageException) : State("storage", error)

/**
 * @property url the URL of the service, without `/v1/guest/token`
 * @property handle what stands behind the `#` of the link. It is a secret
 * @property device where the secret of this device is kept, the same place for all invitations. Encrypt what you store
 * @property pin the six digits, if the app has them already. They are sent until one is answered, and then forgotten
 * @property onState called with each new state, on the thread of the source: do not block it
 * @property timeoutMs for one request
 */
class GuestpassGuestOptions(
    val url: String,
    val handle: String,
    val device: TokenStorage,
    val pin: String? = null,
    val onState: (State) -> Unit = {},
    val timeoutMs: Int = 30_000,
    val clock: Clock = SystemClock,
    val transport: Transport = Transport(::sendByHttpUrlConnection),
    val background: Executor = BACKGROUND,
)

/** A source of tokens for one guest. Nothing is sent before the first call of `fetch` or of a refresher. */
class GuestpassGuestSource(options: GuestpassGuestOptions) {
    private val exchange = GuestExchange(options)
    private val source = GuestpassTokenSource(options.forSource(), exchange)

    /** The current state. `Blocked` means that the invitation was revoked or that the guest was blocked: leave the call. */
    val state: State get() = source.state

    /** A token that is valid for at least a minute. Blocks: call it on a background thread. */
    @Throws(GuestpassException::class)
    fun fetch(pin: String? = null, force: Boolean = false, maxWaitMs: Long = 30_000): GuestToken {
        if (pin != null) exchange.pin = pin
        return source.fetch(force || pin != null, maxWaitMs) as GuestToken
    }

    /** The same, with a callback on the thread of the source. */
    fun fetchAsync(pin: String? = null, force: Boolean = false, maxWaitMs: Long = 30_000, done: (GuestToken?, GuestpassException?) -> Unit) {
        if (pin != null) exchange.pin = pin
        source.fetchAsync(force || pin != null, maxWaitMs) { token, error -> done(token as GuestToken?, error) }
    }

    /** The `tokenRefresher` of a `CommunicationTokenRefreshOptions`, as that of a user. */
    fun refresher(): Callable<String> = source.refresher()

    /** Calls [listener] with each new state, until the returned function is called. */
    fun subscribe(listener: (State) -> Unit): () -> Unit = source.subscribe(listener)

    /** Retries at once after a lost network. Call it when the app comes to the foreground or the network returns. */
    fun wake() = source.wake()

    /** Stops everything; the token stays valid. */
    fun dispose() = source.dispose()

    internal fun asyncRefresher() = source.asyncRefresher()
}

private fun GuestpassGuestOptions.forSource() = GuestpassOptions(
    url = url,
    onState = onState,
    timeoutMs = timeoutMs,
    clock = clock,
    transport = transport,
    background = background,
    getBearer = { null },
)

private const val PROBLEM = "/problems/"
private val HANDLE = Regex("gp_[A-Za-z0-9_-]{22}")
private val SECRET = Regex("[A-Za-z0-9_-]{22,86}")
private val PIN = Regex("[0-9]{6}")
private const val LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** A guest, with the handle of an invitation and the secret of a device. */
private class GuestExchange(private val options: GuestpassGuestOptions) : Exchange {
    @Volatile var pin = options.pin
    @Volatile private var sentPin: String? = null
    private var device: String? = null

    override fun prepare(forceRefresh: Boolean, renews: Boolean?): TokenRequest {
        if (!HANDLE.matches(options.handle)) throw InvitationException("the link is not complete", null, "${PROBLEM}invitation-unknown")
        val given = pin
        if (given != null && !PIN.matches(given)) {
            pin = null
            throw PinException("a PIN has six digits: nothing was sent", null, "${PROBLEM}pin-wrong")
        }
        val secret = deviceSecret()
        sentPin = given
        val members = listOfNotNull("handle" to options.handle, "device" to secret, given?.let { "pin" to it })
        return TokenRequest("/v1/guest/token", null, members.joinToString(",", "{", "}") { (name, value) -> "\"$name\":\"$value\"" })
    }

    override fun tokenOf(answer: Answer, sentAt: Long): GuestpassToken? {
        val token = guestpass.tokenOf(answer, sentAt) ?: return null
        val body = parseJson(answer.text)!!
        val meeting = meetingOf(body["meeting"] as? Map<*, *>) ?: return null
        forgetPin()
        return GuestToken(token, meeting, body["displayName"] as? String, "${body["opensAt"]}", "${body["closesAt"]}")
    }

    override fun errorOf(answer: Answer, now: Long): GuestpassException {
        if (answer.status == 200 && guestpass.tokenOf(answer, now) != null) return GiveUpException("the response has no meeting: is `url` that of the service?", answer)
        val error = guestpass.errorOf(answer, now)
        if (error.action != Action.RETRY) forgetPin()
        val type = error.type ?: ""
        val text = "${error.message}"
        return when (type.substringAfter(PROBLEM, "")) {
            "pin-required", "pin-wrong" -> PinException(text, answer, type)
            "invitation-unknown", "invitation-closed", "invitation-used-up", "invitation-locked" -> InvitationException(text, answer, type)
            "invitation-revoked" -> BlockedException(text, answer, type)
            // The route has no authorizer, so a 401 comes from another server.
            else -> if (error is SignInRequiredException) GiveUpException(text, answer, error.type) else error
        }
    }

    override fun stateOf(error: GuestpassException): State? = when (error) {
        is PinException -> PinState(error)
        is InvitationException -> AskHostState(error)
        is DeviceStorageException -> StorageState(error)
        else -> null
    }

    /** A PIN is tried ten times, so an answered one is not sent again. */
    private fun forgetPin() {
        if (pin == sentPin) pin = null
    }

    /** The secret of this device, which is kept before it is used. */
    private fun deviceSecret(): String = device ?: synchronized(DEVICE_LOCK) {
        try {
            stored() ?: options.device.save(newSecret()).let { stored() }
        } catch (error: Exception) {
            throw DeviceStorageException("the device secret cannot be stored", error)
        }
    }?.also { device = it } ?: throw DeviceStorageException("the storage did not keep the device secret")

    private fun stored() = options.device.load()?.takeIf { SECRET.matches(it) }
}

/** Sources of several invitations must agree on one secret. */
private val DEVICE_LOCK = Any()

/** 144 random bits: 24 letters leave no bits over. */
private fun newSecret() = SecureRandom().let { random -> String(CharArray(24) { LETTERS[random.nextInt(LETTERS.length)] }) }

private fun meetingOf(json: Map<*, *>?): Meeting? {
    val id = json?.get("meetingId") as? String
    if (id != null) return Meeting.Id(id, json["passcode"] as? String)
    return (json?.get("joinUrl") as? String)?.let { Meeting.Link(it) }
}
