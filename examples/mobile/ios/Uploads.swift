// Sending from an iOS app with TUSKit 3.8 (Swift Package Manager: https://github.com/tus/TUSKit); earlier ones do not say
// why an offset could not be had. Not run here.
//
// One object for the whole app, made at its start. TUSKit copies the file into its own directory, keeps the upload's
// address beside it, and sets `Tus-Resumable`, `Upload-Length`, `Upload-Offset` and `Content-Type` itself.

import Foundation
import TUSKit

/// What an app does with what becomes of its uploads.
protocol UploadsObserver: AnyObject {
    func uploadMoved(clientMessageID: String, sent: Int, of total: Int)
    /// Read it with `GET {upload}` and `Accept: application/json`: `message` is in there.
    func uploadEnded(clientMessageID: String, upload: URL)
    func uploadStopped(clientMessageID: String, why: Uploads.Stop)
}

final class Uploads {
    enum Stop {
        /// Nothing is wrong with it. `retry` when there is a network again, at the latest at the app's next start.
        case waits
        /// The server has it no more (404, 410): send the file again with the same `client_message_id`.
        case isGone
        /// Another device sends it now (400 `upload_displaced`).
        case isElsewhere
        /// A person has to decide. `code` is for texts. 422 is final for this `client_message_id`.
        case refused(status: Int, code: String, detail: String)
    }

    private let server: URL
    private let client: TUSClient
    weak var observer: UploadsObserver?

    /// `freshToken` is asked before each POST, HEAD and PATCH: an upload may outlast a token.
    init(server: URL, freshToken: @escaping (@escaping (String) -> Void) -> Void) throws {
        self.server = server
        client = try TUSClient(
            server: server.appendingPathComponent("files"),
            sessionIdentifier: "uploads",
            // Goes on while the app is suspended, and after the system has ended it.
            sessionConfiguration: .background(withIdentifier: "com.example.chat.uploads"),
            storageDirectory: URL(string: "/uploads"),
            // The rest of the file in one PATCH: in the background the app does not run to begin another.
            chunkSize: 0,
            supportedExtensions: [.creation],
            generateHeaders: { _, headers, use in
                freshToken { token in
                    use(headers.merging(["Authorization": "Bearer \(token)"]) { _, fresh in fresh })
                }
            }
        )
        client.delegate = self
        // What an earlier run of the app left: under way, or given up after three attempts.
        client.start()
        for id in (try? client.failedUploadIDs()) ?? [] { _ = try? client.retry(id: id) }
        client.cleanup()
    }

    /// `clientMessageID` is a UUID that is made when the person presses Send. Whatever is sent twice with it is one upload
    /// and one message.
    func send(_ file: URL, to conversation: String, caption: String, clientMessageID: String) throws {
        // The context is kept, and goes into `Upload-Metadata` beside `filetype`, which TUSKit finds by the extension.
        var context = ["filename": file.lastPathComponent, "client_message_id": clientMessageID]
        if !caption.isEmpty { context["content"] = caption }
        let endpoint = server.appendingPathComponent("conversations/\(conversation)/files")
        try client.uploadFileAt(filePath: file, uploadURL: endpoint, context: context)
    }

    /// The network is back: `retry` asks for the offset first, and goes on from there.
    func goOn() {
        for id in (try? client.failedUploadIDs()) ?? [] { _ = try? client.retry(id: id) }
    }

    /// A message with this `client_message_id` came over the socket or in the list. It may be the only word of it: TUSKit
    /// says nothing when it finds by HEAD that everything is there already.
    func settle(clientMessageID: String) {
        let stored = (try? client.getStoredUploads()) ?? []
        for upload in stored where upload.context?["client_message_id"] == clientMessageID {
            _ = try? client.cancelAndDelete(id: upload.id)
        }
    }

    /// For `application(_:handleEventsForBackgroundURLSession:completionHandler:)`.
    func handleBackgroundEvents(session: String, done: @escaping () -> Void) {
        client.registerBackgroundHandler(done, forSession: session)
    }
}

extension Uploads: TUSClientDelegate {
    func didStartUpload(id: UUID, context: [String: String]?, client: TUSClient) {}

    func didFinishUpload(id: UUID, url: URL, context: [String: String]?, client: TUSClient) {
        observer?.uploadEnded(clientMessageID: Self.name(context), upload: url)
    }

    /// After three attempts. A 409 is among what passes: a PATCH that the system repeated by itself began where the server
    /// was before, and `retry` asks anew.
    func uploadFailed(id: UUID, error: Error, context: [String: String]?, client: TUSClient) {
        let why = Self.stop(of: error)
        switch why {
        case .waits: break
        default: _ = try? client.cancelAndDelete(id: id)
        }
        observer?.uploadStopped(clientMessageID: Self.name(context), why: why)
    }

    func fileError(error: TUSClientError, client: TUSClient) {}
    func totalProgress(bytesUploaded: Int, totalBytes: Int, client: TUSClient) {}

    func progressFor(id: UUID, context: [String: String]?, bytesUploaded: Int, totalBytes: Int, client: TUSClient) {
        observer?.uploadMoved(clientMessageID: Self.name(context), sent: bytesUploaded, of: totalBytes)
    }

    private static func name(_ context: [String: String]?) -> String { context?["client_message_id"] ?? "" }

    private static func stop(of error: Error) -> Stop {
        let underlying: Error
        switch error as? TUSClientError {
        case .couldNotCreateFileOnServer(let cause), .couldNotUploadFile(let cause), .couldNotGetFileStatus(let cause):
            underlying = cause
        default:
            underlying = error
        }
        guard case .failedRequest(let answer, let body)? = underlying as? TUSAPIError else { return .waits }
        let said = body.flatMap { try? JSONDecoder().decode([String: String].self, from: $0) } ?? [:]
        let code = said["code"] ?? "unknown"
        switch answer.statusCode {
        case 401, 409, 423, 500...: return .waits
        case 410: return .isGone
        // To HEAD there is no body.
        case 404 where code == "upload_not_found" || body?.isEmpty != false: return .isGone
        case 400 where code == "upload_displaced": return .isElsewhere
        default: return .refused(status: answer.statusCode, code: code, detail: said["detail"] ?? "It failed")
        }
    }
}
