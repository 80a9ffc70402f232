/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: one JSON object in a line asks, one answers, then the server closes. Who may
 * connect is decided by the file's mode and by uid: root and the server's own user. A
 * descriptor may come with the request (SCM_RIGHTS), so that the server opens no file for others.
 * Nothing here blocks. Control thread.
 */
#ifndef WIREMAPD_CONTROL_SOCKET_H
#define WIREMAPD_CONTROL_SOCKET_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>

#include "log.h"
#include "privileges.h"

enum control_socket_limits {
	/* People and scripts that ask at the same time; a further one waits in the backlog. */
	CONTROL_CLIENTS_MAX = 8,
	CONTROL_REQUEST_BYTES_MAX = 4096,
	CONTROL_DESCRIPTORS = 1 + CONTROL_CLIENTS_MAX, /* for poll() */
};

struct control_client {
	int fd;	    /* -1: none */
	int passed; /* descriptor that came with the request, or -1 */
	char request[CONTROL_REQUEST_BYTES_MAX];
	size_t request_n;
	bool asked;   /* the request is whole and was handed over */
	bool hung_up; /* has closed its half since */
	char *answer; /* NULL: not yet */
	size_t answer_n, answer_at;
};

struct control_socket {
	int fd; /* -1: there is none */
	char path[108];
	struct control_client clients[CONTROL_CLIENTS_MAX];
	/* Takes a whole request; the answer comes by control_socket_answer(), at once or later. */
	void (*ask)(void *arg, struct control_client *client, json_t *request);
	/* A client that waits has closed its half: it asks to have done, and may have gone. An
	 * answer is due all the same. */
	void (*hung_up)(void *arg, struct control_client *client);
	void *arg;
};

/* Before privileges are dropped: the file belongs to `privileges` and to nobody else. A file that a
 * server left behind is replaced; -EADDRINUSE: one is listening. 0 or -errno. */
int control_socket_open(struct control_socket *door, const char *path,
			const struct privileges *privileges);
/* The file goes, too, if the server's user may remove it. */
void control_socket_close(struct control_socket *door);

/* What to wait for; `fds` holds CONTROL_DESCRIPTORS. */
void control_socket_wait(const struct control_socket *door, struct pollfd *fds);
/* Does what poll() found. */
void control_socket_serve(struct control_socket *door, const struct pollfd *fds);

/* Takes over `answer` and sends it. */
void control_socket_answer(struct control_client *client, json_t *answer);
/* {"error": "..."} */
__attribute__((format(printf, 2, 3))) void control_socket_refuse(struct control_client *client,
								 const char *format, ...);

#endif
