// Sending from a Flutter app with package:http alone. tus_client_dart 2.5 has one set of headers for a whole upload, which
// may outlast a token, and its `retries` send the next piece of the file under the offset of the one that failed.
// Not run here.
//
// pubspec.yaml: http: ^1.2.0, path_provider: ^2.1.0. At each start, at AppLifecycleState.resumed, and when the network
// comes back, call `send` for everything that `kept` answers.

import 'dart:async';
import 'dart:convert';
import 'dart:io';
import 'dart:math';

import 'package:http/http.dart' as http;
import 'package:path_provider/path_provider.dart';

/// A file on its way, kept until its message is there.
class Upload {
  Upload(this.id, this.path, this.name, this.type, this.conversation, this.caption, [this.url]);

  Upload.of(Map<String, dynamic> json)
      : this(json['id'], json['path'], json['name'], json['type'], json['conversation'], json['caption'], json['url']);

  /// A UUID that is made when the person presses Send: `client_message_id`.
  final String id;

  /// Copied into the app's own folder before: a picker's file may be gone tomorrow.
  final String path;
  final String name, type, conversation, caption;

  /// Where it is on the server, once it has begun.
  String? url;

  Map<String, dynamic> toJson() => {
        'id': id, 'path': path, 'name': name, 'type': type, //
        'conversation': conversation, 'caption': caption, 'url': url,
      };
}

/// Why a person has to decide. 422 is final for this id; `upload_displaced` means that another device sends it now.
class Refused implements Exception {
  Refused(this.status, this.code, this.detail);
  final int status;
  final String code, detail;
}

class Uploads {
  Uploads(this.server, this.freshToken);

  final String server;

  /// Asked before each request.
  final Future<String> Function() freshToken;

  final _client = http.Client();
  static const _patience = [0, 1, 2, 4, 8, 15, 30];

  Future<File> _record(String id) async => File('${(await getApplicationSupportDirectory()).path}/upload-$id.json');

  Future<void> _keep(Upload upload) async => (await _record(upload.id)).writeAsString(jsonEncode(upload), flush: true);

  Future<void> forget(Upload upload) async => (await _record(upload.id)).delete();

  Future<List<Upload>> kept() async {
    final entries = await (await getApplicationSupportDirectory()).list().toList();
    final records = entries.whereType<File>().where((file) => file.path.contains('/upload-'));
    return [for (final record in records) Upload.of(jsonDecode(await record.readAsString()))];
  }

  /// The id of the message. Throws [Refused]; and when patience is at its end, what the line or the server said last:
  /// then it waits for the next call.
  Future<String?> send(Upload upload, {void Function(int sent, int total)? onProgress}) async {
    await _keep(upload);
    final file = File(upload.path);
    final length = await file.length();
    var attempt = 0, reached = -1;
    while (true) {
      try {
        upload.url ??= await _create(upload, length);
        await _keep(upload);
        // Whatever was sent before, the server knows how much of it there is.
        final there = await _request('HEAD', Uri.parse(upload.url!));
        final offset = int.parse(there.headers['upload-offset']!);
        onProgress?.call(offset, length);
        if (offset > reached) attempt = 0;
        reached = offset;
        final last = offset == length ? there : await _append(upload, file, offset, length, onProgress);
        await forget(upload);
        return last.headers['chat-message-id'];
      } catch (error) {
        final mayPass = error is _Again || error is IOException || error is http.ClientException;
        if (!mayPass || attempt == _patience.length) rethrow;
        if (error is _Again && error.isGone) upload.url = null;
        final after = error is _Again ? error.after : null;
        await Future<void>.delayed(after ?? Duration(seconds: _patience[attempt]));
        attempt += 1;
      }
    }
  }

  Future<String> _create(Upload upload, int length) async {
    final pairs = {
      'filename': upload.name,
      'filetype': upload.type,
      'client_message_id': upload.id,
      if (upload.caption.isNotEmpty) 'content': upload.caption,
    };
    final metadata = pairs.entries.map((pair) => '${pair.key} ${base64.encode(utf8.encode(pair.value))}').join(',');
    final endpoint = Uri.parse('$server/conversations/${upload.conversation}/files');
    final answer =
        await _request('POST', endpoint, headers: {'Upload-Length': '$length', 'Upload-Metadata': metadata});
    return answer.headers['location']!;
  }

  /// One PATCH with all that is missing, read from the disk as it is sent. What came of it is kept if it breaks off.
  Future<http.Response> _append(
      Upload upload, File file, int offset, int length, void Function(int, int)? onProgress) {
    var sent = offset;
    final body = file.openRead(offset).map((bytes) {
      sent = min(sent + bytes.length, length);
      onProgress?.call(sent, length);
      return bytes;
    });
    return _request('PATCH', Uri.parse(upload.url!),
        headers: {'Upload-Offset': '$offset', 'Content-Type': 'application/offset+octet-stream'},
        body: body,
        length: length - offset);
  }

  Future<http.Response> _request(String method, Uri url,
      {Map<String, String> headers = const {}, Stream<List<int>>? body, int length = 0}) async {
    final request = http.StreamedRequest(method, url)
      ..headers.addAll({'Authorization': 'Bearer ${await freshToken()}', 'Tus-Resumable': '1.0.0', ...headers})
      ..contentLength = length;
    final sending = _client.send(request);
    unawaited(body == null ? request.sink.close() : request.sink.addStream(body).whenComplete(request.sink.close));
    final answer = await http.Response.fromStream(await sending);
    final status = answer.statusCode;
    if (status < 300) return answer;
    final said = answer.body.isEmpty ? const <String, dynamic>{} : jsonDecode(answer.body) as Map<String, dynamic>;
    final isGone = status == 410 || (status == 404 && (method == 'HEAD' || said['code'] == 'upload_not_found'));
    final seconds = int.tryParse(answer.headers['retry-after'] ?? '');
    // 401: `freshToken` has to answer another one now, and `attempt` bounds how often it is asked.
    if (isGone || status == 401 || status == 409 || status == 423 || status >= 500) {
      throw _Again(isGone, seconds == null ? null : Duration(seconds: seconds));
    }
    throw Refused(status, said['code'] ?? 'unknown', said['detail'] ?? 'It failed');
  }
}

/// Ask for the offset and go on, after a while; or begin anew with the same `client_message_id`, which finds the message
/// if it was made.
class _Again implements Exception {
  _Again(this.isGone, this.after);
  final bool isGone;
  final Duration? after;
}
