/* SPDX-License-Identifier: Apache-2.0 */
/* The store with mime's prepared answers, as the server opens it. Control thread. */
#ifndef WIREMAPD_MAIL_H
#define WIREMAPD_MAIL_H

#include "config/config.h"
#include "store.h"

/* Takes the volumes' locks. 0; -EBUSY: a server runs on one of them; -errno with a text. */
int mail_open(const struct wiremap_config *config, struct log *log, struct store **store_r,
	      struct store_error *error_r);

#endif
