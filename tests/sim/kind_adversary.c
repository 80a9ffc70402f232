/* SPDX-License-Identifier: Apache-2.0 */
#include "kind.h"

bool kind_adversary(struct kind_run *run)
{
	return kind_tcp(run);
}
