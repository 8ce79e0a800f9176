/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of utmp and environments: whatever stands in them, only whole addresses come out, and none twice. */
#include "daemon/logins.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logins l = {0};

	logins_of_environment((const char *)data, size, &l);
	logins_of_utmp(data, size, &l);
	HOLDS(l.count <= LOGINS_MAX);
	for (size_t i = 0; i < l.count; i++)
		for (size_t j = 0; j < i; j++)
			if (addr_equal(&l.addr[i], &l.addr[j]))
				HOLDS(false);
	return 0;
}
