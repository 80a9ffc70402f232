/* SPDX-License-Identifier: Apache-2.0 */
/* An account read from end to end by a tool that holds the volumes' locks: every call waits for
 * the disk, and there is one thread. */
#ifndef WIREMAPCTL_READING_H
#define WIREMAPCTL_READING_H

#include "buffer.h"
#include "store.h"

struct reading;

/* 0; -ENOENT: the account has no mail yet; -EIO: damaged; -ENOMEM. */
int reading_open(struct store *store, const uint8_t uuid[16], struct reading **reading_r);
void reading_close(struct reading **reading);

/* Borrowed until the account is closed. */
const struct store_account *reading_account(const struct reading *reading);
/* Leaves the mailbox that was read before. 0 and a view, good until the next call; -EIO; ... */
int reading_mailbox(struct reading *reading, unsigned number, struct store_view **view_r);
/* All of a message of that mailbox in place of the buffer's bytes. 0; -EIO: damaged; -ENOMEM. */
int reading_message(struct reading *reading, uint32_t index, struct buffer *bytes);

#endif
