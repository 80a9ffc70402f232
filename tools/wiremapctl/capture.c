/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote.h"

/* For the handler: the server is told by the end of our half of the connection. */
static int asked = -1;

static void on_signal(int number)
{
	(void)number;
	shutdown(asked, SHUT_WR);
}

static json_t *request_make(const struct ctl *ctl)
{
	json_t *request = json_pack("{s:s}", "command", "capture");

	if (ctl->host != NULL)
		json_object_set_new(request, "host", json_string(ctl->host));
	json_object_set_new(request, "port", json_integer((json_int_t)ctl->port));
	json_object_set_new(request, "packets", json_integer((json_int_t)ctl->packets));
	json_object_set_new(request, "seconds", json_integer((json_int_t)ctl->seconds));
	return request;
}

static void signals_catch(int server)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	asked = server;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int frames_take(const struct ctl *ctl, int server, int file)
{
	json_t *answer = NULL;
	long long captured, dropped;

	signals_catch(server);
	if (remote_ask(server, request_make(ctl), file) == 0)
		answer = remote_answer(server);
	if (answer == NULL)
		return CTL_FAILED;
	captured = json_integer_value(json_object_get(answer, "captured"));
	dropped = json_integer_value(json_object_get(answer, "dropped"));
	json_decref(answer);
	printf("%lld frames in %s, %lld dropped\n", captured, ctl->argument, dropped);
	return dropped > 0 ? CTL_PARTLY : CTL_OK;
}

int capture(struct ctl *ctl)
{
	int server = remote_open(ctl), file, status = CTL_FAILED;

	if (server < 0)
		return CTL_FAILED;
	file = open(ctl->argument, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		ctl_fail("%s: %s", ctl->argument, strerror(errno));
	else
		status = frames_take(ctl, server, file);
	if (file >= 0)
		close(file);
	close(server);
	return status;
}
