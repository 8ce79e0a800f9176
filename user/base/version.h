/* SPDX-License-Identifier: BSD-2-Clause */
/* The version, in one place: `postern version`, the packages and the manual take it from here. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define POSTERN_VERSION "0.1.0"

#endif
