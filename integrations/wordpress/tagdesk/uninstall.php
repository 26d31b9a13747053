<?php
/** Take all that is ours out of the database; the terms that posts have stay. */

namespace Tagdesk;

defined('WP_UNINSTALL_PLUGIN') || exit;

require_once __DIR__ . '/includes/settings.php';
require_once __DIR__ . '/includes/topics.php';
require_once __DIR__ . '/includes/posts.php';

array_map('delete_option', [OPTION, TOPICS]);
array_map('delete_post_meta_by_key', [NOTE, RETRY, FEEDBACK, REFUSED]);
delete_metadata('term', 0, TOPIC, '', true);
