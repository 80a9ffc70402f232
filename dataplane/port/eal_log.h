/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EAL and the drivers print, as lines of a struct log. The last complaint is kept, so that
 * an error can say what the driver said. Any thread; stdio's lock orders the writers.
 */
#ifndef PORT_EAL_LOG_H
#define PORT_EAL_LOG_H

#include "log.h"

/* From now on; `log` may be NULL. */
void eal_log_open(struct log *log);
void eal_log_close(void);

/* Forgets the last complaint. */
void eal_log_forget(void);
/* The last warning or error since, without its newline; "" if there was none. The control thread,
 * until the next message. */
const char *eal_log_complaint(void);

#endif
