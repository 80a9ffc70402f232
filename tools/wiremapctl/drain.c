/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "remote.h"

enum { POLL_NS = 200 * 1000 * 1000 };

/* What the command line leaves open the server decides. */
static json_t *request_make(const struct ctl *ctl)
{
	json_t *request = json_pack("{s:s}", "command", "drain");

	if (ctl->rate_given)
		json_object_set_new(request, "per_s", json_integer((json_int_t)ctl->rate));
	if (ctl->seconds_given)
		json_object_set_new(request, "grace_s", json_integer((json_int_t)ctl->seconds));
	return request;
}

/* Until the server is gone. */
static void end_await(const struct ctl *ctl)
{
	static const struct timespec pause = {.tv_nsec = POLL_NS};

	while (remote_there(ctl))
		nanosleep(&pause, NULL);
}

int drain(struct ctl *ctl)
{
	int server = remote_open(ctl);
	json_t *answer = NULL;

	if (server < 0)
		return CTL_FAILED;
	if (remote_ask(server, request_make(ctl), -1) == 0)
		answer = remote_answer(server);
	close(server);
	if (answer == NULL)
		return CTL_FAILED;
	printf("%lld connections to end\n",
	       (long long)json_integer_value(json_object_get(answer, "connections")));
	fflush(stdout);
	json_decref(answer);
	end_await(ctl);
	printf("The server has ended.\n");
	return CTL_OK;
}

int reload(struct ctl *ctl)
{
	int server = remote_open(ctl);
	json_t *answer = NULL;

	if (server < 0)
		return CTL_FAILED;
	if (remote_ask(server, json_pack("{s:s}", "command", "reload"), -1) == 0)
		answer = remote_answer(server);
	close(server);
	json_decref(answer);
	return answer == NULL ? CTL_FAILED : CTL_OK;
}
