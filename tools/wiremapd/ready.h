/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells whoever started the server how it stands: systemd over NOTIFY_SOCKET (sd_notify(3)), a
 * script over a descriptor. Control thread.
 */
#ifndef WIREMAPD_READY_H
#define WIREMAPD_READY_H

/* `state` as sd_notify(3) has it, such as "READY=1". Does nothing without NOTIFY_SOCKET. */
void ready_notify(const char *state);
/* Writes "ready" and a newline to `fd` and closes it; -1: does nothing. */
void ready_tell(int fd);

#endif
