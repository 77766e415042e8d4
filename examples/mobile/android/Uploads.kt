// Sending from an Android app with tus-android-client 0.1.12 and tus-java-client 0.5.1 (io.tus.android.client,
// io.tus.java.client), in a worker of WorkManager, so that it goes on without the app in front. Not run here.

import android.content.Context
import android.net.Uri
import androidx.work.*
import io.tus.android.client.TusAndroidUpload
import io.tus.android.client.TusPreferencesURLStore
import io.tus.java.client.ProtocolException
import io.tus.java.client.TusClient
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.json.JSONObject

/** What an app has: where its server is, and tokens, of which each request gets a fresh one. */
interface Session {
    val server: String
    suspend fun freshToken(): String
}

/** Set once, when the app starts. */
lateinit var session: Session

/**
 * `file` has to be readable later: a copy of the app's own, or a URI for which `takePersistableUriPermission` was called.
 * `clientMessageId` is a UUID that is made when the person presses Send.
 */
fun send(context: Context, file: Uri, conversation: String, caption: String, clientMessageId: String) {
    val request = OneTimeWorkRequestBuilder<UploadWorker>()
        .setInputData(workDataOf("file" to file.toString(), "conversation" to conversation, "caption" to caption, "id" to clientMessageId))
        .setConstraints(Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build())
        .setBackoffCriteria(BackoffPolicy.LINEAR, WorkRequest.MIN_BACKOFF_MILLIS, TimeUnit.MILLISECONDS)
        .addTag("upload")
        .build()
    // With the same id there is one worker, as there is one upload and one message.
    WorkManager.getInstance(context).enqueueUniqueWork(clientMessageId, ExistingWorkPolicy.KEEP, request)
}

/** `Tus-Resumable` and the other headers of the protocol are the library's; this adds the token to POST, HEAD and PATCH. */
private class ChatTusClient(conversation: String) : TusClient() {
    init {
        uploadCreationURL = URL("${session.server}/conversations/$conversation/files")
    }

    override fun prepareConnection(connection: HttpURLConnection) {
        super.prepareConnection(connection)
        connection.setRequestProperty("Authorization", "Bearer ${runBlocking { session.freshToken() }}")
    }
}

class UploadWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    private val id = inputData.getString("id")!!
    private val addresses =
        TusPreferencesURLStore(context.getSharedPreferences("uploads", Context.MODE_PRIVATE))

    override suspend fun doWork(): Result = withContext(Dispatchers.IO) {
        // Longer than ten minutes only in the foreground: setForeground(getForegroundInfo()), with a notification.
        try {
            Result.success(workDataOf("upload" to upload().toString()))
        } catch (error: ProtocolException) {
            resultOf(error.causingConnection)
        } catch (_: IOException) {
            Result.retry()
        }
    }

    /** Where the server is, and then to the end; answers the upload's address. */
    private suspend fun upload(): URL {
        val client = ChatTusClient(inputData.getString("conversation")!!).apply {
            enableResuming(addresses)
            enableRemoveFingerprintOnSuccess()
        }
        val upload = TusAndroidUpload(Uri.parse(inputData.getString("file")), applicationContext).apply {
            // By the id, and not by the file: the same file sent again on purpose is another message.
            fingerprint = id
            metadata = metadata + buildMap {
                put("client_message_id", id)
                applicationContext.contentResolver.getType(Uri.parse(inputData.getString("file")))?.let { put("filetype", it) }
                inputData.getString("caption")?.takeIf { it.isNotEmpty() }?.let { put("content", it) }
            }
        }
        val uploader = client.resumeOrCreateUpload(upload).apply {
            chunkSize = 64 * 1024
            // The library keeps as much in memory as a PATCH has.
            requestPayloadSize = 8 * 1024 * 1024
        }
        while (uploader.uploadChunk() > -1) {
            if (isStopped) break
            setProgress(workDataOf("sent" to uploader.offset, "of" to upload.size))
        }
        uploader.finish()
        if (isStopped) throw IOException("the system stopped the work; it goes on later")
        return uploader.uploadURL
    }

    private fun resultOf(answer: HttpURLConnection?): Result {
        val status = answer?.responseCode ?: return Result.retry()
        val body = answer.errorStream?.bufferedReader()?.readText().orEmpty()
        val said = runCatching { JSONObject(body) }.getOrDefault(JSONObject())
        val code = said.optString("code", "unknown")
        val isGone = status == 410 || (status == 404 && (body.isEmpty() || code == "upload_not_found"))
        // The same client_message_id makes a new upload, or finds the message. (A 404 to HEAD the library sees itself.)
        if (isGone) addresses.remove(id)
        // 409: the next run asks for the offset. 401: the next run has another token.
        if (isGone || status == 401 || status == 409 || status == 423 || status >= 500) return Result.retry()
        // 422 is final for this id; `upload_displaced` means that another device sends it now.
        addresses.remove(id)
        return Result.failure(workDataOf("status" to status, "code" to code, "detail" to said.optString("detail")))
    }
}
