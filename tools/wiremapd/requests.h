/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be asked over the control socket: {"command": NAME, ...}. One function a command, one
 * table of them. Control thread.
 *
 *   stats                                  all counters (stats.h)
 *   reload                                 as SIGHUP
 *   drain   per_s, grace_s                 an orderly end; answers at once {"sessions": N}
 *   capture host, port, packets, seconds   frames into the descriptor that came along; answers
 *                                          when it ends: {"captured": N, "dropped": N}. A
 *                                          client that hangs up ends it
 */
#ifndef WIREMAPD_REQUESTS_H
#define WIREMAPD_REQUESTS_H

#include "control.h"

/* control_socket.ask and .hung_up; `control` is a struct control. */
void requests_ask(void *control, struct control_client *client, json_t *request);
void requests_hung_up(void *control, struct control_client *client);

/* capture.done is readable. */
void requests_captured(struct control *control);
/* Ends what still goes on for a client. */
void requests_settle(struct control *control);

#endif
