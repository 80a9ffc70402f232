/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "buffer.h"

enum { PORTION = 65536 };

/* NULL after saying what is missing. */
static const char *path_of(const struct ctl *ctl)
{
	const char *path = ctl->socket;

	if (path == NULL && ctl->config != NULL)
		path = ctl->config->control_socket;
	if (path == NULL)
		ctl_fail("no control socket is named: write control_socket: in the configuration, "
			 "or give --socket FILE");
	return path;
}

static int server_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	status = -errno;
	close(fd);
	return status;
}

int remote_open(const struct ctl *ctl)
{
	const char *path = path_of(ctl);
	int server = path == NULL ? -EINVAL : server_connect(path);

	if (server < 0 && path != NULL)
		ctl_fail("%s: %s%s", path, strerror(-server),
			 server == -ENOENT || server == -ECONNREFUSED ? ": is wiremapd running?"
								      : "");
	return server;
}

bool remote_there(const struct ctl *ctl)
{
	int server = server_connect(path_of(ctl));

	if (server >= 0)
		close(server);
	return server >= 0;
}

static ssize_t first_send(int server, const char *text, size_t len, int file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} control = {{0}};
	struct iovec part = {(void *)(uintptr_t)text, len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (file >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		control.aligned.cmsg_level = SOL_SOCKET;
		control.aligned.cmsg_type = SCM_RIGHTS;
		control.aligned.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.aligned), &file, sizeof(file));
	}
	return sendmsg(server, &message, MSG_NOSIGNAL);
}

int remote_ask(int server, json_t *request, int file)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text == NULL ? 0 : strlen(text), at = 0;
	int status = text == NULL ? -ENOMEM : 0;

	json_decref(request);
	if (status == 0)
		text[len++] = '\n'; /* in the terminator's place */
	while (status == 0 && at < len) {
		ssize_t n = first_send(server, text + at, len - at, at == 0 ? file : -1);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			status = -errno;
	}
	free(text);
	if (status != 0)
		ctl_fail("the server does not listen: %s", strerror(-status));
	return status;
}

/* Reads to the end. */
static int bytes_receive(int server, struct buffer *buffer)
{
	ssize_t n = 1;

	while (n > 0) {
		if (!buffer_reserve(buffer, PORTION))
			return -ENOMEM;
		n = recv(server, buffer->bytes + buffer->len, PORTION, 0);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			buffer->len += (size_t)n;
	}
	return n < 0 ? -errno : 0;
}

json_t *remote_answer(int server)
{
	struct buffer buffer = {0};
	json_t *answer = NULL;
	const char *refusal;
	json_error_t error;
	int status = bytes_receive(server, &buffer);

	if (status == 0)
		answer = json_loadb((const char *)buffer.bytes, buffer.len, 0, &error);
	if (status != 0)
		ctl_fail("the server's answer: %s", strerror(-status));
	else if (answer == NULL)
		ctl_fail("the server gave no answer: does it run as somebody else? Ask as root "
			 "or as its user");
	refusal = json_string_value(json_object_get(answer, "error"));
	if (refusal != NULL) {
		ctl_fail("%s", refusal);
		json_decref(answer);
		answer = NULL;
	}
	buffer_free(&buffer);
	return answer;
}
