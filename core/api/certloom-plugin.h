/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one header a plugin includes. */
#include "clm-authority.h"
#include "clm-backend.h"
#include "clm-barrier.h"
#include "clm-credential.h"
#include "clm-error.h"
#include "clm-event.h"
#include "clm-host.h"
#include "clm-issuance.h"
#include "clm-key.h"
#include "clm-key-capabilities.h"
#include "clm-key-store.h"
#include "clm-notifier.h"
#include "clm-options.h"
#include "clm-plugin.h"
#include "clm-request.h"
#include "clm-secret.h"
#include "clm-version.h"
