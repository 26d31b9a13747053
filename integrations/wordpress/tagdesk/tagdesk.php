<?php
/**
 * Plugin Name: Tagdesk
 * Description: Gives posts their topics as tags, suggests topics in the editor, and learns from what editors change.
 * Version: 0.1.0
 * Requires at least: 5.9
 * Requires PHP: 7.4
 * License: MIT
 * License URI: https://opensource.org/license/mit
 * Text Domain: tagdesk
 * Domain Path: /languages
 */

namespace Tagdesk;

defined('ABSPATH') || exit;

const VERSION = '0.1.0';
const FOLDER = __DIR__;
const MAIN = __FILE__;

require_once FOLDER . '/includes/settings.php';
require_once FOLDER . '/includes/settings-page.php';
require_once FOLDER . '/includes/service.php';
require_once FOLDER . '/includes/articles.php';
require_once FOLDER . '/includes/topics.php';
require_once FOLDER . '/includes/term-page.php';
require_once FOLDER . '/includes/posts.php';
require_once FOLDER . '/includes/tagging.php';
require_once FOLDER . '/includes/shown.php';
require_once FOLDER . '/includes/verdicts.php';
require_once FOLDER . '/includes/corrections.php';
require_once FOLDER . '/includes/refused-page.php';
require_once FOLDER . '/includes/background.php';
require_once FOLDER . '/includes/posts-list.php';
require_once FOLDER . '/includes/editor.php';

add_action('init', __NAMESPACE__ . '\load_translations');

// Saves: what an editor judged is read before the post is tagged.
add_action('rest_api_init', __NAMESPACE__ . '\add_field');
add_action('pre_post_update', __NAMESPACE__ . '\terms_before_save');
add_action('wp_after_insert_post', __NAMESPACE__ . '\judge_classic_save', 10, 2);
add_action('wp_after_insert_post', __NAMESPACE__ . '\saved', 20, 4);

// In the background.
add_filter('cron_schedules', __NAMESPACE__ . '\add_schedule');
add_action('tagdesk_work', __NAMESPACE__ . '\work');
add_action('tagdesk_soon', __NAMESPACE__ . '\work');
register_activation_hook(MAIN, __NAMESPACE__ . '\arrive');
register_deactivation_hook(MAIN, __NAMESPACE__ . '\leave');

// The editors.
add_action('rest_api_init', __NAMESPACE__ . '\add_routes');
add_action('admin_enqueue_scripts', __NAMESPACE__ . '\add_scripts');
add_action('add_meta_boxes', __NAMESPACE__ . '\add_box');

// The list of posts.
add_filter('bulk_actions-edit-post', __NAMESPACE__ . '\add_bulk_action');
add_filter('handle_bulk_actions-edit-post', __NAMESPACE__ . '\bulk', 10, 3);
add_filter('display_post_states', __NAMESPACE__ . '\show_state', 10, 2);
add_action('admin_notices', __NAMESPACE__ . '\show_outcome');

// The pages.
add_action('admin_init', __NAMESPACE__ . '\add_settings');
add_action('admin_menu', __NAMESPACE__ . '\add_settings_page');
add_action('admin_menu', __NAMESPACE__ . '\add_refused_page');
add_action('admin_notices', __NAMESPACE__ . '\show_refused_notice');
add_action('admin_post_tagdesk_refused', __NAMESPACE__ . '\settle_refused');
add_action('post_tag_edit_form_fields', __NAMESPACE__ . '\show_topic_field');
add_action('category_edit_form_fields', __NAMESPACE__ . '\show_topic_field');
add_action('edited_post_tag', __NAMESPACE__ . '\keep_topic_field');
add_action('edited_category', __NAMESPACE__ . '\keep_topic_field');

function load_translations(): void
{
    load_plugin_textdomain('tagdesk', false, basename(FOLDER) . '/languages');
}
