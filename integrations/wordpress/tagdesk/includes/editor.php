<?php
/** The topics beside the text: in the block editor's sidebar and in the classic editor's box. */

namespace Tagdesk;

use WP_Error;
use WP_Post;

defined('ABSPATH') || exit;

/** The longest text for whose topics the service gives evidence. */
const MAX_EXPLAINED = 45000;

function add_routes(): void
{
    $may_edit = function ($request) {
        return is_ours(get_post((int) $request['post'])) && current_user_can('edit_post', (int) $request['post']);
    };
    $text = ['type' => 'string', 'required' => true];
    register_rest_route('tagdesk/v1', '/posts/(?P<post>\d+)/suggestions', ['methods' => 'POST',
        'callback' => __NAMESPACE__ . '\suggestions', 'permission_callback' => $may_edit,
        'args' => ['title' => $text, 'content' => $text]]);
    $no_name = function () {
        return new WP_Error('tagdesk', __('A topic has the name that the service lists: send none.', 'tagdesk'));
    };
    register_rest_route('tagdesk/v1', '/posts/(?P<post>\d+)/terms', ['methods' => 'POST',
        'callback' => __NAMESPACE__ . '\term_for_editor', 'permission_callback' => $may_edit,
        'args' => ['topic' => $text, 'name' => ['validate_callback' => $no_name]]]);
}

/**
 * The topics of a text as it stands in the editor, each with the words that speak for it.
 *
 * @return array|WP_Error
 */
function suggestions($request)
{
    $article = article(get_post((int) $request['post']), $request['title'], $request['content']);
    $is_short = mb_strlen(wp_strip_all_tags($request['content'])) + mb_strlen($request['title']) <= MAX_EXPLAINED;
    $answer = ask('/v1/tag' . ($is_short ? '?explain=true' : ''), $article, settings()['limit']);
    $given = is_wp_error($answer) ? $answer : given($answer);
    if (is_wp_error($given)) {
        return cannot_be_asked($given);
    }
    add_to_known($given);
    $topics = [];
    foreach ($answer['topics'] as $topic) {
        $listed = $given[$topic['id']];
        $term = find_term($topic['id'], $listed['name'], settings()['taxonomy']);
        // What the newsroom calls it, where it has renamed the term.
        $name = $term ? html_entity_decode(get_term($term)->name, ENT_QUOTES | ENT_HTML5, 'UTF-8') : $listed['name'];
        $words = evidence_words($topic);
        $topics[] = ['id' => $topic['id'], 'name' => $name, 'term' => $term, 'words' => $words] + $listed;
    }
    $seal = seal((int) $request['post'], short($answer['model']), array_column($topics, 'id'));
    return ['model' => short($answer['model']), 'topics' => $topics, 'seal' => $seal];
}

/**
 * The term of a topic that an editor takes, made where there is none and the editor may.
 *
 * @return array|WP_Error
 */
function term_for_editor($request)
{
    $topic = $request['topic'];
    $names = isset(known_topics()[$topic]) ? known_topics() : fetch_topics(settings()['limit']);
    if (is_wp_error($names)) {
        return cannot_be_asked($names);
    }
    if (!isset($names[$topic])) {
        return new WP_Error('tagdesk', __('Tagdesk has no such topic.', 'tagdesk'), ['status' => 404]);
    }
    $taxonomy = get_taxonomy(settings()['taxonomy']);
    $is_new = !find_term($topic, $names[$topic], $taxonomy->name);
    $needed = $is_new && $taxonomy->hierarchical ? $taxonomy->cap->edit_terms : $taxonomy->cap->assign_terms;
    if (!current_user_can($needed)) {
        return new WP_Error('tagdesk', __('You may not make this term.', 'tagdesk'), ['status' => 403]);
    }
    $term = ensure_term($topic, $names[$topic], $taxonomy->name);
    if (!$term) {
        $reason = __('The term of this name stands for another topic.', 'tagdesk');
        return new WP_Error('tagdesk', $reason, ['status' => 409]);
    }
    return ['term' => $term];
}

function cannot_be_asked(WP_Error $error): WP_Error
{
    /* translators: %s: the reason */
    $reason = sprintf(__('Tagdesk cannot be asked: %s.', 'tagdesk'), $error->get_error_message());
    return new WP_Error('tagdesk', $reason, ['status' => 502]);
}

function add_scripts(): void
{
    $screen = get_current_screen();
    $post = get_post();
    if (!$screen || 'post' !== $screen->base || !is_ours($post)) {
        return;
    }
    [$name, $needs] = $screen->is_block_editor()
        ? ['block-editor', ['wp-plugins', 'wp-edit-post', 'wp-editor', 'wp-element', 'wp-data']]
        : ['classic-editor', ['jquery']];
    $scripts = plugins_url('assets/js/', MAIN);
    wp_enqueue_script('tagdesk-panel', "{$scripts}panel.js", ['wp-api-fetch', 'wp-i18n'], VERSION, true);
    wp_set_script_translations('tagdesk-panel', 'tagdesk', FOLDER . '/languages');
    wp_enqueue_script("tagdesk-$name", "$scripts$name.js", array_merge($needs, ['tagdesk-panel']), VERSION, true);
    $taxonomy = get_taxonomy(settings()['taxonomy']);
    $page = ['taxonomy' => $taxonomy->name, 'attribute' => $taxonomy->rest_base ?: $taxonomy->name,
        'applied' => applied_bands(), 'post' => $post->ID, 'route' => rest_get_route_for_post($post),
        'heading' => __('Topics', 'tagdesk')];
    $data = 'window.tagdesk = ' . wp_json_encode($page, JSON_HEX_TAG) . ';';
    wp_add_inline_script('tagdesk-panel', $data, 'before');
}

/** In the classic editor; the block editor has a panel. */
function add_box(): void
{
    $box = function (WP_Post $post): void {
        show_judged_fields($post);
        echo '<div id="tagdesk-box"></div>';
    };
    $is_for_classic = ['__back_compat_meta_box' => true];
    add_meta_box('tagdesk', __('Topics', 'tagdesk'), $box, post_types(), 'side', 'default', $is_for_classic);
}
