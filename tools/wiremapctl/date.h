/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as they stand in mail. Pure functions on bytes. */
#ifndef WIREMAPCTL_DATE_H
#define WIREMAPCTL_DATE_H

#include "store.h"

/* RFC 5322 3.3 with its obsolete forms: [Day,] D Mon Y H:M[:S] zone. False: it is none. */
bool date_mail(struct span text, struct store_date *date_r);
/* As ctime() writes it, with a zone before or after the year or without: Day Mon D H:M:S Y. */
bool date_ctime(struct span text, struct store_date *date_r);
/* When the message came: of its topmost Received field, else its Date field. */
bool date_message(struct span message, struct store_date *date_r);

#endif
