namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>Commands to paste, with a new key filled in.</summary>
internal static class ApiKeySnippets
{
    /// <summary>A chat from the command line.</summary>
    public static string Curl(string publicUrl, NewApiKey key) =>
        $$"""
        curl {{publicUrl}}/v2/chat/completions \
          -H "Authorization: Bearer {{key.BearerToken}}" \
          -H "Content-Type: application/json" \
          -d '{"model": "YOUR-SERVICE", "messages": [{"role": "user", "content": "Hello"}]}'
        """;

    /// <summary>A chat with OpenAI's Python client.</summary>
    public static string Python(string publicUrl, NewApiKey key) =>
        $$"""
        from openai import OpenAI

        client = OpenAI(base_url="{{publicUrl}}/v1", api_key="{{key.BearerToken}}")
        answer = client.chat.completions.create(
            model="YOUR-SERVICE",
            messages=[{"role": "user", "content": "Hello"}],
        )
        print(answer.choices[0].message.content)
        """;
}
