<?php
/** What topics an editor was shown, sealed so that nobody can claim to have been shown others. */

namespace Tagdesk;

defined('ABSPATH') || exit;

/** The topics that a model gave for a post, as text that an editor's page takes along and cannot change. */
function seal(int $post, string $model, array $topics): string
{
    $text = base64_encode(wp_json_encode([$post, $model, $topics]));
    return signature($text) . '.' . $text;
}

/**
 * The topics that were shown with a post, and the model that gave the last of them: '' where none were shown.
 *
 * What is not sealed, or sealed for another post, was not shown with this one.
 */
function unseal(int $post, array $seals): array
{
    $shown = ['model' => '', 'topics' => []];
    foreach ($seals as $seal) {
        [$signature, $text] = explode('.', $seal, 2) + ['', ''];
        if (!hash_equals(signature($text), $signature)) {
            continue;
        }
        [$of, $model, $topics] = json_decode(base64_decode($text), true);
        if ($of === $post) {
            $shown = ['model' => $model, 'topics' => array_merge($shown['topics'], $topics)];
        }
    }
    return $shown;
}

function signature(string $text): string
{
    return hash_hmac('sha256', $text, wp_salt('tagdesk'));
}
