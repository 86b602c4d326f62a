/** The client over real HTTP, as an app uses it, against the local stack. */
package guestpass

import java.io.File
import java.net.HttpURLConnection
import java.net.URL
import java.net.URLEncoder
import java.util.UUID
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.system.exitProcess

private val places = parseJson(File(System.getenv("STACK_JSON")).readText())!!
private val gateway = places["gateway"] as String

private fun post(url: String, body: String): Map<*, *> {
    val connection = URL(url).openConnection() as HttpURLConnection
    connection.doOutput = true
    connection.outputStream.use { it.write(body.toByteArray()) }
    return parseJson(connection.inputStream.use { it.readBytes().toString(Charsets.UTF_8) })!!
}

private class User {
    private val sub = "user-${UUID.randomUUID()}"

    fun signIn(): String {
        val form = mapOf("sub" to sub, "scope" to "guestpass.token").map { (name, value) -> "$name=" + URLEncoder.encode(value, "UTF-8") }
        return post("${places["issuer"]}/token", form.joinToString("&"))["access_token"] as String
    }

    fun disable() = post("${places["console"]}/_local/signals/google", """{"sub":"$sub","event":"account-disabled"}""")
}

private fun isActive(token: String) = post("${(places["acs"] as Map<*, *>)["http"]}/_emulator/introspect", """{"token":"$token"}""")["active"] == true

private inline fun <reified T : GuestpassException> failure(call: () -> Unit): T = try {
    call()
    error("the call did not fail")
} catch (error: GuestpassException) {
    error as? T ?: throw error
}

private fun `a refresher returns a token of ACS, and a sign-out revokes it`() {
    val user = User()
    val source = GuestpassTokenSource(GuestpassOptions(gateway) { user.signIn() })
    val token = source.refresher().call()
    check(isActive(token)) { "the token is not active" }
    check(source.fetch().token == token) { "the token is not shared" }
    source.signOut()
    check(!isActive(token)) { "the token is still active" }
    check(failure<EndedException> { source.refresher().call() }.action == Action.NONE)
    source.dispose()
}

private fun `a request can narrow the scopes, and a refused body is given up`() {
    val user = User()
    fun source(body: String) = GuestpassTokenSource(GuestpassOptions(gateway, requestBody = body) { user.signIn() })
    check(isActive(source("""{"scopes":["voip"]}""").fetch().token))
    check(failure<GiveUpException> { source("""{"scopes":["none"]}""").fetch() }.type == "/problems/invalid-scopes")
}

private fun `a bearer that the gateway refuses ends in a sign-in`() {
    val source = GuestpassTokenSource(GuestpassOptions(gateway) { "not-a-bearer" })
    check(failure<SignInRequiredException> { source.fetch() }.status == 401)
    check(source.state is State.SignIn)
}

private fun `a blocked user ends in a block`() {
    val user = User()
    val source = GuestpassTokenSource(GuestpassOptions(gateway) { user.signIn() })
    val token = source.fetch().token
    user.disable()
    val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10)
    while (isActive(token)) check(System.nanoTime() < deadline) { "the event was not applied within 10 s" }
    check(failure<BlockedException> { source.fetch(force = true) }.type == "/problems/user-blocked")
}

private fun `a port without a service is a temporary error`() {
    val waiting = CountDownLatch(1)
    val source = GuestpassTokenSource(GuestpassOptions("http://127.0.0.1:1", onState = { if (it is State.Waiting) waiting.countDown() }) { "bearer" })
    check(failure<RetryLaterException> { source.fetch(maxWaitMs = 500) }.status == null)
    check(waiting.await(10, TimeUnit.SECONDS)) { "no state says that the source waits" }
    source.dispose()
}

fun main() {
    val tests = listOf(
        ::`a refresher returns a token of ACS, and a sign-out revokes it`,
        ::`a request can narrow the scopes, and a refused body is given up`,
        ::`a bearer that the gateway refuses ends in a sign-in`,
        ::`a blocked user ends in a block`,
        ::`a port without a service is a temporary error`,
    )
    val failed = tests.count { test ->
        val error = runCatching { test() }.exceptionOrNull()
        if (error != null) println("not ok: ${test.name}: ${error.stackTraceToString()}")
        error != null
    }
    println("${tests.size - failed} passed, $failed failed")
    exitProcess(if (failed == 0) 0 else 1)
}
