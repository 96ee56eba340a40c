using LocalBloom.AI.Engine;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Chat;

internal static class ClientFactory
{
    public static BloomChatClient Create(IGenerationEngine engine, bool ownsEngine = false, ILoggerFactory? loggerFactory = null) =>
        new(engine, ownsEngine, new BloomChatClientOptions { Model = engine.ModelId, PromptTemplate = new RoleTemplate() }, loggerFactory);
}
