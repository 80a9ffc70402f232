/* SPDX-License-Identifier: Apache-2.0 */
#include "control_socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void client_end(struct control_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	if (client->passed >= 0)
		close(client->passed);
	free(client->answer);
	*client = (struct control_client){.fd = -1, .passed = -1};
}

/* Whether nobody listens at the path: its server has gone without removing it. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale = fd >= 0 &&
		     connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		     errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static int door_bind(int fd, const struct sockaddr_un *address)
{
	const mode_t before = umask(0177);
	int status = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;

	if (status == -EADDRINUSE && is_stale(address) && unlink(address->sun_path) == 0)
		status = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0
											   : -errno;
	umask(before);
	return status;
}

int control_socket_open(struct control_socket *door, const char *path,
			const struct privileges *privileges)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int status;

	door->fd = -1;
	for (unsigned k = 0; k < CONTROL_CLIENTS_MAX; k++)
		door->clients[k] = (struct control_client){.fd = -1, .passed = -1};
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	snprintf(door->path, sizeof(door->path), "%s", path);
	door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (door->fd < 0)
		return -errno;
	status = door_bind(door->fd, &address);
	if (status == 0 && privileges->name != NULL &&
	    chown(path, privileges->uid, privileges->gid) != 0)
		status = -errno;
	if (status == 0 && listen(door->fd, CONTROL_CLIENTS_MAX) != 0)
		status = -errno;
	if (status != 0) {
		close(door->fd);
		door->fd = -1;
	}
	return status;
}

void control_socket_close(struct control_socket *door)
{
	if (door->fd < 0)
		return;
	for (unsigned k = 0; k < CONTROL_CLIENTS_MAX; k++)
		client_end(&door->clients[k]);
	close(door->fd);
	door->fd = -1;
	unlink(door->path);
}

/* --- Waiting --- */

static struct control_client *client_free(const struct control_socket *door)
{
	for (unsigned k = 0; k < CONTROL_CLIENTS_MAX; k++)
		if (door->clients[k].fd < 0)
			return (struct control_client *)(uintptr_t)&door->clients[k];
	return NULL;
}

void control_socket_wait(const struct control_socket *door, struct pollfd *fds)
{
	const bool room = client_free(door) != NULL;

	fds[0] = (struct pollfd){.fd = room ? door->fd : -1, .events = POLLIN};
	for (unsigned k = 0; k < CONTROL_CLIENTS_MAX; k++) {
		const struct control_client *client = &door->clients[k];

		const bool writes = client->answer != NULL, waits = client->hung_up && !writes;

		/* One that waits for its answer is watched for hanging up alone. */
		fds[1 + k] = (struct pollfd){.fd = door->fd < 0 || waits ? -1 : client->fd,
					     .events = writes ? POLLOUT : POLLIN};
	}
}

/* --- Serving --- */

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void client_accept(struct control_socket *door)
{
	struct control_client *client = client_free(door);
	int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (client == NULL || !may_ask(fd))
		close(fd);
	else
		client->fd = fd;
}

/* Keeps the first descriptor that comes; closes others. */
static void descriptors_take(struct control_client *client, struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
	     part = CMSG_NXTHDR(message, part)) {
		size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t k = 0; k < n; k++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + k * sizeof(fd), sizeof(fd));
			if (client->passed < 0)
				client->passed = fd;
			else
				close(fd);
		}
	}
}

static ssize_t request_receive(struct control_client *client)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr aligned;
	} control;
	struct iovec room = {client->request + client->request_n,
			     sizeof(client->request) - client->request_n};
	struct msghdr message = {.msg_iov = &room,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);

	if (n >= 0)
		descriptors_take(client, &message);
	if (n > 0)
		client->request_n += (size_t)n;
	return n;
}

static void request_ask(struct control_socket *door, struct control_client *client, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(client->request, len, 0, &error);

	client->asked = true;
	if (json_is_object(request))
		door->ask(door->arg, client, request);
	else
		control_socket_refuse(client, "a request is one JSON object in a line");
	json_decref(request);
}

static void client_read(struct control_socket *door, struct control_client *client)
{
	const char *end;
	ssize_t n;

	if (client->asked) {
		char byte;

		n = recv(client->fd, &byte, sizeof(byte), 0);
		client->hung_up = n == 0 || (n < 0 && errno != EAGAIN);
		if (client->hung_up)
			door->hung_up(door->arg, client);
		return;
	}
	n = request_receive(client);
	if (n < 0 && errno == EAGAIN)
		return;
	end = memchr(client->request, '\n', client->request_n);
	if (end != NULL)
		request_ask(door, client, (size_t)(end - client->request));
	else if (n <= 0 || client->request_n == sizeof(client->request))
		client_end(client);
}

static void client_write(struct control_client *client)
{
	ssize_t n = send(client->fd, client->answer + client->answer_at,
			 client->answer_n - client->answer_at, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		client->answer_at += (size_t)n;
	if (n < 0 || client->answer_at == client->answer_n)
		client_end(client);
}

void control_socket_serve(struct control_socket *door, const struct pollfd *fds)
{
	if (door->fd < 0)
		return;
	for (unsigned k = 0; k < CONTROL_CLIENTS_MAX; k++) {
		struct control_client *client = &door->clients[k];

		if (client->fd < 0 || fds[1 + k].fd != client->fd || fds[1 + k].revents == 0)
			continue;
		if (client->answer != NULL)
			client_write(client);
		else
			client_read(door, client);
	}
	if (fds[0].fd >= 0 && fds[0].revents != 0)
		client_accept(door);
}

void control_socket_answer(struct control_client *client, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	json_decref(answer);
	/* Without memory: an answer that is none, and the end. */
	client->answer = text != NULL ? text : strdup("");
	if (client->answer == NULL)
		return;
	client->answer_n = strlen(client->answer);
	/* The line's end takes the place of the terminator. */
	client->answer[client->answer_n++] = '\n';
}

void control_socket_refuse(struct control_client *client, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	control_socket_answer(client, json_pack("{s:s}", "error", text));
}
