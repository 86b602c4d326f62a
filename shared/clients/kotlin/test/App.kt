/** The app around the snippets of README.md, which are compiled with it. Microsoft's two classes are in Maven only. */
@file:Suppress("UNUSED_PARAMETER")

package guestpass.app

import java.util.concurrent.Callable

internal class CommunicationTokenRefreshOptions(val tokenRefresher: Callable<String>, val refreshProactively: Boolean)

internal class CommunicationTokenCredential(val options: CommunicationTokenRefreshOptions)

internal const val GUESTPASS = "https://guestpass.example"

internal fun signedInUsersAccessToken(forceRefresh: Boolean): String? = if (forceRefresh) null else "bearer"

internal const val ENTRA_APP_ID = "11111111-2222-3333-4444-555555555555"

internal fun teamsAccessToken(forceRefresh: Boolean): String? = if (forceRefresh) null else "entra"

internal fun runOnUiThread(action: () -> Unit) = action()

internal fun showSignIn() = Unit

internal fun leaveCallsAndChats() = Unit

internal fun report(error: Exception) = Unit

internal object EncryptedPreferences {
    private val values = mutableMapOf<String, String?>()

    fun getString(name: String): String? = values[name]

    fun putString(name: String, value: String?) {
        values[name] = value
    }
}

internal const val LINK = "https://app.example/join/#gp_0000000000000000000000"

internal fun showState(state: guestpass.State) = Unit

internal fun joinMeeting(credential: CommunicationTokenCredential, meeting: guestpass.Meeting, displayName: String?) = Unit
